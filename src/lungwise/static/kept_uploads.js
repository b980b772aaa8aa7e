// Uploads that are not finished, kept in this browser: they survive that it is closed. Each lies under the account of
// the person who began it, is shown and sent to nobody else, and goes when it is sent, or after seven days.
"use strict";
const keptUploads = (() => {
  const KEPT_DAYS = 7;
  const NAME = "lungwise";
  const UPLOADS = "uploads";
  const FILMS = "films";
  let opened = null;

  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const finished = (transaction) => new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });

  /** Whether anything was kept: looking must not make the database. */
  async function exists() {
    return !indexedDB.databases || (await indexedDB.databases()).some((one) => one.name === NAME);
  }

  /** The one connection: another would keep the database from being deleted. */
  function open() {
    opened ??= connect();
    return opened;
  }

  function connect() {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(UPLOADS, { keyPath: "id" });
      request.result.createObjectStore(FILMS, { keyPath: ["upload", "n"] });
    };
    return done(request);
  }

  async function change(act) {
    const transaction = (await open()).transaction([UPLOADS, FILMS], "readwrite");
    act(transaction.objectStore(UPLOADS), transaction.objectStore(FILMS));
    await finished(transaction);
  }

  const filmsOf = (id) => IDBKeyRange.bound([id, 0], [id, Infinity]);

  /** Keep an upload with its films; `films` are {file, camera}. */
  async function add(upload, films) {
    await change((uploads, kept) => {
      uploads.put({ ...upload, at: Date.now() });
      films.forEach((film, n) => kept.put({ upload: upload.id, n, ...film }));
    });
  }

  /** Keep what came of an upload so far, and forget the film that was sent. */
  const sent = (upload, n) => change((uploads, films) => { uploads.put(upload); films.delete([upload.id, n]); });

  const all = async () => done((await open()).transaction(UPLOADS).objectStore(UPLOADS).getAll());

  /** Forget an upload, and with the last one the database. */
  async function remove(id) {
    await change((uploads, films) => { uploads.delete(id); films.delete(filmsOf(id)); });
    if ((await all()).length) return;
    (await open()).close();
    opened = null;
    indexedDB.deleteDatabase(NAME); // as soon as no other page of ours has it open; nobody waits for that
  }

  /** The films of an upload that are not sent yet. */
  async function films(id) {
    return done((await open()).transaction(FILMS).objectStore(FILMS).getAll(filmsOf(id)));
  }

  /** A person's uploads that are not finished; what is too old goes, whoever's it is. */
  async function of(person) {
    if (!await exists()) return [];
    const found = await all();
    const oldest = Date.now() - KEPT_DAYS * 24 * 3600 * 1000;
    for (const upload of found) if (upload.at < oldest) await remove(upload.id);
    return found.filter((upload) => upload.person === person && upload.at >= oldest);
  }

  return { add, sent, remove, films, of };
})();

// What every page says of them, and what it asks before the person signs out.
(async () => {
  const { person } = document.body.dataset;
  const notice = document.getElementById("kept-uploads");
  const uploads = await keptUploads.of(person).catch(() => []); // also signed out: what is too old goes
  if (!person || !uploads.length) return;
  notice.hidden = document.getElementById("resume") !== null; // the page that goes on with them says it itself

  const ending = document.querySelector("form[data-ends]");
  const asks = document.getElementById("ask-kept");
  ending.addEventListener("submit", (event) => {
    if (!asks.returnValue) { event.preventDefault(); asks.showModal(); }
  });
  asks.addEventListener("close", async () => {
    if (asks.returnValue === "delete") for (const upload of uploads) await keptUploads.remove(upload.id);
    if (["delete", "keep"].includes(asks.returnValue)) ending.requestSubmit();
  });
})();

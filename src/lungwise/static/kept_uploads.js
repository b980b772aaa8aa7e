// Uploads that are not finished, kept in this browser: they survive that it is closed. Each lies under the account of
// the person who began it, is shown and sent to nobody else, and goes when it is sent, or after seven days.
"use strict";
const keptUploads = (() => {
  const KEPT_DAYS = 7;
  const NAME = "lungwise";
  const UPLOADS = "uploads";
  const FILMS = "films";
  const OPEN_SECONDS = 5; // another page of ours, loaded long ago, may hold the database
  const MOST_SECONDS = 20; // a large upload on a slow phone; nobody waits longer
  let opened = null;

  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const finished = (transaction) => new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
  const within = (seconds, promise) => Promise.race([promise, new Promise((_, reject) => {
    setTimeout(reject, seconds * 1000, new Error("This browser's database does not answer."));
  })]);

  /** Whether anything was ever kept: looking must not make the database. */
  async function exists() {
    return !indexedDB.databases || (await indexedDB.databases()).some((one) => one.name === NAME);
  }

  /** The one connection; one that failed is tried again. */
  function open() {
    opened ??= within(OPEN_SECONDS, connect()).catch((error) => { opened = null; throw error; });
    return opened;
  }

  async function connect() {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(UPLOADS, { keyPath: "id" });
      request.result.createObjectStore(FILMS, { keyPath: ["upload", "n"] });
    };
    const database = await done(request);
    database.onversionchange = database.onclose = () => { database.close(); opened = null; }; // others wait for that
    return database;
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

  /** Keep what an upload's form says now. */
  const correct = (upload) => change((uploads) => { uploads.put(upload); });

  /** Keep what came of an upload so far, and forget the film that was sent. */
  const sent = (upload, n) => change((uploads, films) => { uploads.put(upload); films.delete([upload.id, n]); });

  const all = async () => done((await open()).transaction(UPLOADS).objectStore(UPLOADS).getAll());

  /** Forget an upload. The database stays, empty: to delete it waits for each other page that has it open. */
  const remove = (id) => change((uploads, films) => { uploads.delete(id); films.delete(filmsOf(id)); });

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

  const acts = Object.entries({ add, correct, sent, remove, films, of });
  return Object.fromEntries(acts.map(([name, act]) => [name, (...given) => within(MOST_SECONDS, act(...given))]));
})();

/** Ask before a person signs out what becomes of their films that are not sent; return whether they sign out. */
async function settleKeptUploads() {
  const uploads = await keptUploads.of(document.body.dataset.person).catch(() => []);
  if (!uploads.length) return true;
  const asks = document.getElementById("ask-kept");
  asks.returnValue = "";
  asks.showModal();
  await new Promise((resolve) => asks.addEventListener("close", resolve, { once: true }));
  if (asks.returnValue === "delete") for (const upload of uploads) await keptUploads.remove(upload.id);
  return asks.returnValue !== "";
}

// What every page says of them.
(async () => {
  const { person } = document.body.dataset;
  const uploads = await keptUploads.of(person).catch(() => []); // also signed out: what is too old goes
  const said = document.getElementById("kept-uploads"); // not on every page
  if (said && uploads.length) said.hidden = document.getElementById("resume") !== null; // the page that goes on with them
})();

// Sends films one by one, with progress, each saved before the next is sent; a film that is refused does not
// keep the others. What is not sent yet is kept in this browser. Without this script the form sends them all at once.
"use strict";
const id = (name) => document.getElementById(name);
const form = id("upload");
const drop = id("drop");
const trouble = id("trouble");
const button = form.querySelector("[type=submit]");
const details = form.querySelectorAll("fieldset:not(#drop)"); // of the patient
const { person } = document.body.dataset;
const OWN = ["csrf_token", "films", "camera"]; // what each film is sent with, or is one; the rest goes with the first
const REFUSED = [413, 422]; // the film is at fault, not the connection
const STALLED = 60_000; // milliseconds in which nothing is sent: the link is dead, and does not say so
const UNANSWERED = 600_000; // milliseconds after the last byte: a slow machine opens an archive of many films meanwhile
const SIGNED_OUT = [400, 401, 403]; // the session has ended, or the form is too old
let chosen = []; // {file, camera}: what is shown in the list
let upload = null; // what is being sent: set by the first press of the button, so that the next one goes on
let offered = null; // what was not sent before this page was loaded
let isKept = false; // whether this browser keeps what is being sent
let isTokenOld = false; // the session ended while this page was open
let listing = 0; // drops whose files are still being listed

const words = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const beside = new Set(form.dataset.beside.split(" ")); // what lies on every disc, by name or suffix
function isFilm(file) {
  const name = file.name.toLowerCase();
  return !name.startsWith(".") && !beside.has(name) && !beside.has(name.slice(name.lastIndexOf(".")));
}

function post(address, film, fields, onProgress) {
  const data = new FormData();
  data.append("csrf_token", form.csrf_token.value);
  data.append(film.camera ? "camera" : "films", film.file, film.file.name);
  for (const [name, value] of fields) data.append(name, value);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer = 0;
    const expectWithin = (milliseconds) => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), milliseconds);
    };
    const fail = () => {
      const isOut = SIGNED_OUT.includes(request.status);
      isTokenOld ||= isOut;
      const why = isOut ? signedOut() : request.response?.title ?? form.dataset.broken;
      reject(Object.assign(new Error(why), { status: request.status }));
    };
    request.open("POST", address);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      expectWithin(STALLED);
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.upload.onload = () => expectWithin(UNANSWERED);
    request.onloadend = () => clearTimeout(timer);
    request.onload = () => (request.status < 400 && request.response ? resolve(request.response) : fail());
    request.onerror = request.onabort = fail;
    expectWithin(STALLED);
    request.send(data);
  });
}

const signedOut = () => (isKept ? form.dataset.signedOut : form.dataset.signedOutUnkept);

/** Take the token of who signed in again in another tab; nobody else's films are sent with it. */
async function takeFreshToken() {
  const answer = await fetch(document.body.dataset.page, { signal: AbortSignal.timeout(STALLED) }).catch(() => null);
  if (!answer?.ok) throw new Error(form.dataset.broken);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (page.body.dataset.person !== person) throw new Error(signedOut());
  const { value } = page.querySelector("[name=csrf_token]");
  for (const field of document.querySelectorAll("[name=csrf_token]")) field.value = value;
  isTokenOld = false;
}

async function sendNext() {
  const [n, film] = upload.left[0];
  const at = upload.total - upload.left.length;
  id("progress-text").textContent = words(form.dataset.sending, { n: at + 1, total: upload.total });
  try {
    const [address, fields] = upload.sent ? [upload.sent.films, upload.once] : [upload.action, upload.fields];
    const answer = await post(address, film, fields, (part) => { id("progress").value = (at + part) / upload.total; });
    if (answer.opened) upload.sent = answer; // a film that was here already opens no study for the others
    else upload.here = answer;
    upload.notices.push(...answer.said);
  } catch (error) {
    if (!REFUSED.includes(error.status)) throw error;
    const isNamed = upload.total === 1 || error.message.includes(film.file.name);
    upload.refusals.push(isNamed ? error.message : `${film.file.name}: ${error.message}`);
  }
  upload.left.shift();
  if (isKept) await kept(() => keptUploads.sent(record(), n));
}

/** What is kept of an upload beside its films. */
function record() {
  const { left: _left, ...rest } = upload;
  return rest;
}

/** Keep something in this browser, and return whether it did; one that keeps nothing sends all the same. */
async function kept(act) {
  try {
    if (!person || !window.indexedDB) return false;
    await act();
    return true;
  } catch {
    return false;
  }
}

/** What is typed, to be taken before its fields are disabled; and whose the films are then, for the offer to go on. */
function typed() {
  const fields = [...new FormData(form)].filter(([name, value]) => !OWN.includes(name) && typeof value === "string");
  const named = ["name", "identifier"].map((name) => form.elements[name]?.value.trim()).filter(Boolean);
  return {
    fields,
    once: fields.filter(([name]) => name === "once"),
    patient: form.dataset.patient || named.join(", "),
  };
}

async function begin(films, said) {
  const ready = [];
  for (const film of films) ready.push({ ...film, file: film.camera ? await smallerPhotograph(film.file) : film.file });
  upload = {
    id: crypto.randomUUID?.() ?? String(Math.random()),
    person,
    action: new URL(form.action).pathname,
    ...said,
    at: Date.now(),
    total: films.length,
    sent: null,
    here: null,
    refusals: [],
    notices: [], // of films that were taken
    left: [...ready.entries()],
  };
  isKept = await kept(() => keptUploads.add(record(), ready));
}

/** Whether it can no longer be said here whose the films are: a study is open, or an earlier upload said it. */
const isSettled = () => upload !== null && (upload.sent !== null || upload === offered);

/** What was corrected after the connection broke counts. */
async function correct(said) {
  if (isSettled()) return;
  Object.assign(upload, said);
  if (isKept) await kept(() => keptUploads.correct(record()));
}

function say(...lines) {
  trouble.textContent = lines.join("\n");
  trouble.hidden = false;
  trouble.scrollIntoView({ block: "nearest" });
}

function busy(yes) {
  drop.disabled = yes;
  button.disabled = yes || listing > 0; // what is not listed yet would be left behind
  if (id("resume-send")) id("resume-send").disabled = button.disabled; // and would be chosen in the midst of another
  for (const fields of details) fields.disabled = yes || isSettled();
}

async function finish() {
  const { id: own, sent, here, refusals, notices } = upload;
  const isOtherChosen = upload === offered && chosen.length > 0; // is not sent yet, and would be lost with this page
  const forgotten = kept(() => keptUploads.remove(own));
  if (isKept) await forgotten;
  upload = null;
  busy(false);
  const study = sent ?? here;
  const said = [...refusals, ...(refusals.length && sent ? [form.dataset.others] : []), ...notices];
  if (study && !said.length && !isOtherChosen) return goTo(study.page);
  id("sending").hidden = true;
  if (said.length) say(...said);
  id("saved").hidden = !study;
  if (study) id("saved").firstElementChild.href = study.page;
  return kept(offerKept);
}

/** Go to a page, also where that is the one that is shown. */
function goTo(page) {
  if (new URL(page, location.href).pathname === location.pathname) location.reload();
  else location.assign(page);
}

async function send(films) {
  const said = typed();
  trouble.hidden = true;
  busy(true);
  id("sending").hidden = false;
  if (id("resume")) id("resume").hidden = true; // one after the other
  try {
    await (upload ? correct(said) : begin(films, said));
    if (isTokenOld) await takeFreshToken();
    while (upload.left.length) await sendNext();
    await finish();
  } catch (error) {
    say(error.message);
    busy(false);
  }
}

form.addEventListener("submit", (event) => {
  if (!chosen.length && !upload) return; // the server says what is missing
  event.preventDefault();
  if (chosen.length > form.dataset.most) say(words(form.dataset.many, { count: chosen.length }));
  else send(chosen);
});

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return found;
    for (const inner of entries) found.push(...await filesOf(inner));
  }
}

function line(film) {
  const item = id("chosen-film").content.firstElementChild.cloneNode(true);
  const [picture, name, size, remove] = ["img", "[data-name]", "[data-size]", "button"].map((part) => item.querySelector(part));
  if (film.file.type.startsWith("image/")) {
    picture.src = URL.createObjectURL(film.file);
    picture.onload = picture.onerror = () => URL.revokeObjectURL(picture.src);
  } else picture.remove();
  name.textContent = film.file.webkitRelativePath || film.file.name;
  size.textContent = words(form.dataset.size, { n: Math.max(1, Math.round(film.file.size / 1024)) });
  remove.setAttribute("aria-label", words(form.dataset.remove, { name: film.file.name }));
  remove.addEventListener("click", () => choose(chosen.filter((other) => other !== film)));
  return item;
}

/** Show what is chosen: another choice is another upload. */
function choose(films) {
  chosen = films;
  const left = upload;
  upload = null;
  if (left) Promise.resolve(left === offered || kept(() => keptUploads.remove(left.id))).then(() => kept(offerKept));
  busy(false);
  id("saved").hidden = true;
  id("chosen").textContent = chosen.length ? words(form.dataset.chosen, { n: chosen.length }) : "";
  id("chosen-list").replaceChildren(...chosen.map(line));
}

/** Add films to those that are chosen: two of one name and size may differ, and the server knows a film by its bytes. */
function add(files, camera = false) {
  choose([...chosen, ...[...files].map((file) => ({ file, camera }))]);
}

/** Take what was chosen in a file field into the list, and empty it, so that the same file can be chosen again. */
function take(input) {
  add(input.webkitdirectory ? [...input.files].filter(isFilm) : input.files, input.id === "camera");
  input.value = "";
}

async function addEntries(entries) {
  listing += 1;
  try {
    busy(false);
    for (const entry of entries) add((await filesOf(entry)).filter(isFilm));
  } finally {
    listing -= 1;
    busy(false);
  }
}

drop.addEventListener("change", (event) => event.target.type === "file" && take(event.target));
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (!drop.disabled) addEntries(entriesOf(event));
});

/** Offer what was not sent before this browser was closed, or the session ended, or other films were chosen. */
async function offerKept() {
  const [earlier] = await keptUploads.of(person);
  if (!earlier || !id("resume")) return;
  const films = await keptUploads.films(earlier.id);
  if (upload || drop.disabled) return; // one is sent meanwhile
  offered = { notices: [], ...earlier, left: films.map((film) => [film.n, film]) };
  id("resume-text").textContent = words(id("resume").dataset.text, { n: films.length, names: films.map((film) => film.file.name).join(", ") });
  id("resume-patient").textContent = words(id("resume").dataset.patient, { patient: earlier.patient });
  id("resume-patient").hidden = !earlier.patient;
  id("resume").hidden = false;
}

function resume() {
  upload = offered;
  isKept = true;
  send();
}

async function deleteOffered() {
  id("resume").hidden = true;
  await kept(() => keptUploads.remove(offered.id));
  await kept(offerKept);
}

id("resume-send")?.addEventListener("click", resume);
id("resume-delete")?.addEventListener("click", deleteOffered);
kept(offerKept);
for (const input of drop.querySelectorAll("[type=file]")) if (input.files.length) take(input); // before this was loaded

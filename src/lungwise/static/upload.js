// Sends films one by one, with progress, each saved before the next is sent; a film that is refused does not
// keep the others. Without this script the form sends them all at once.
"use strict";
const id = (name) => document.getElementById(name);
const form = id("upload");
const drop = id("drop");
const trouble = id("trouble");
const button = form.querySelector("[type=submit]");
const OWN = ["csrf_token", "once", "films", "camera"]; // what each film is sent with; the rest goes with the first
const REFUSED = [413, 422]; // the film is at fault, not the connection
let dropped = [];
let left = null; // the films still to be sent: set by the first press of the button, so that the next one goes on
let total = 0;
let sent = null; // the study that the first film opened
let here = null; // a study that has one of the films already
let refusals = [];

const words = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const beside = new Set(form.dataset.beside.split(" ")); // what lies on every disc, by name or suffix
function isFilm(file) {
  const name = file.name.toLowerCase();
  return !name.startsWith(".") && !beside.has(name) && !beside.has(name.slice(name.lastIndexOf(".")));
}
const files = () => [...dropped, ...id("films").files, ...[...id("folder").files].filter(isFilm), ...id("camera").files];

const byCamera = (file) => [...id("camera").files].includes(file);

function send(address, file, withPatient, onProgress) {
  const data = new FormData();
  data.append("csrf_token", form.csrf_token.value);
  data.append("once", form.once.value);
  data.append(byCamera(file) ? "camera" : "films", file);
  if (withPatient) for (const [name, value] of new FormData(form)) if (!OWN.includes(name)) data.append(name, value);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = () => reject(Object.assign(new Error(request.response?.title ?? form.dataset.broken), { status: request.status }));
    request.open("POST", address);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => (request.status < 400 && request.response ? resolve(request.response) : fail());
    request.onerror = fail;
    request.send(data);
  });
}

async function sendNext() {
  const n = total - left.length;
  const progress = (part) => { id("progress").value = (n + part) / total; };
  id("progress-text").textContent = words(form.dataset.sending, { n: n + 1, total });
  try {
    const answer = await send(sent ? sent.films : form.action, left[0], !sent, progress);
    if (answer.opened) sent = answer; // a film that was here already opens no study for the others
    else here = answer;
    refusals.push(...answer.said);
  } catch (error) {
    if (!REFUSED.includes(error.status)) throw error;
    const isNamed = total === 1 || error.message.includes(left[0].name);
    refusals.push(isNamed ? error.message : `${left[0].name}: ${error.message}`);
  }
  left.shift();
}

function begin(list) {
  left = list;
  total = list.length;
  sent = here = null;
  refusals = [];
}

function say(...lines) {
  trouble.textContent = lines.join("\n");
  trouble.hidden = false;
  trouble.scrollIntoView({ block: "nearest" });
}

function busy(yes) {
  button.disabled = drop.disabled = yes;
}

function finish() {
  left = null;
  busy(false);
  const study = sent ?? here;
  if (study && !refusals.length) return window.location.assign(study.page);
  id("sending").hidden = true;
  say(...refusals, ...(sent ? [form.dataset.others] : []));
  id("saved").hidden = !study;
  if (study) id("saved").firstElementChild.href = study.page;
}

form.addEventListener("submit", async (event) => {
  const list = files();
  if (!list.length) return; // the server says what is missing
  event.preventDefault();
  if (list.length > form.dataset.most) return say(words(form.dataset.many, { count: list.length }));
  if (!left) begin(list);
  trouble.hidden = true;
  busy(true);
  id("sending").hidden = false;
  try {
    while (left.length) await sendNext();
    finish();
  } catch (error) {
    say(error.message);
    busy(false);
  }
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

function show() {
  left = null; // other films were chosen
  id("saved").hidden = true;
  id("chosen").textContent = files().length ? words(form.dataset.chosen, { n: files().length }) : "";
}

drop.addEventListener("change", show);
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (drop.disabled) return;
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  for (const entry of entries) dropped.push(...(await filesOf(entry)).filter(isFilm));
  show();
});

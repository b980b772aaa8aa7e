// Sends films one by one, with progress, each saved before the next is sent. Without this script
// the form sends them all at once.
"use strict";
const form = document.getElementById("upload");
const drop = document.getElementById("drop");
const chosen = document.getElementById("chosen");
const trouble = document.getElementById("trouble");
const button = form.querySelector("[type=submit]");
let dropped = [];
let sent = null; // the study that the first film opened, and how many films are saved
let total = 0;

const words = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const files = () => [...dropped, ...form.films.files, ...form.camera.files];

function refusal(answer) {
  if (!answer?.title) return form.dataset.broken;
  return sent ? `${answer.title} ${form.dataset.rest}` : answer.title;
}

function send(address, file, withPatient, onProgress) {
  const data = new FormData();
  data.append("csrf_token", form.csrf_token.value);
  data.append("films", file);
  if (withPatient) for (const name of ["identifier", "name", "sex", "birth_date"]) data.append(name, form.elements[name].value);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => (request.status < 400 && request.response ? resolve(request.response) : reject(new Error(refusal(request.response))));
    request.onerror = () => reject(new Error(form.dataset.broken));
    request.send(data);
  });
}

async function sendAll(list) {
  const bar = document.getElementById("progress");
  const text = document.getElementById("progress-text");
  document.getElementById("sending").hidden = false;
  for (let n = sent ? sent.count : 0; n < list.length; n++) {
    text.textContent = words(form.dataset.sending, { n: n + 1, total: list.length });
    const answer = await send(sent ? sent.films : form.action, list[n], !sent, (part) => { bar.value = (n + part) / list.length; });
    sent = { ...answer, count: n + 1 };
  }
  window.location.assign(sent.page);
}

form.addEventListener("submit", async (event) => {
  const list = files();
  if (!list.length) return; // the server says what is missing
  event.preventDefault();
  if (list.length !== total) { sent = null; total = list.length; }
  trouble.hidden = true;
  button.disabled = true;
  try {
    await sendAll(list);
  } catch (error) {
    trouble.textContent = error.message;
    trouble.hidden = false;
    trouble.scrollIntoView({ block: "nearest" });
    button.disabled = false;
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

const show = () => { chosen.textContent = files().length ? words(form.dataset.chosen, { n: files().length }) : ""; };
form.addEventListener("change", show);
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  for (const entry of entries) dropped.push(...(await filesOf(entry)).filter((file) => file.name !== "DICOMDIR" && !file.name.startsWith(".")));
  show();
});

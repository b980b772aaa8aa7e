// Asks how far a study's readings are, and puts the answer in its place once they are there: the rest of the page, and
// what somebody is typing there, stays as it is. Without this script the page has a link that loads it again.
"use strict";
const PAUSES = [100, 100, 200, 300, 500, 500, 1000, 1000, 1000, 3000]; // milliseconds; the last one over and over
const bar = () => document.querySelector("progress[data-address]");

/** Exchange the parts of the page that readings change. */
async function exchange() {
  const answer = await fetch(location.href).catch(() => null);
  const page = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  if (!page?.querySelector("[data-answer]")) return location.reload(); // signed out meanwhile: the page says it
  for (const part of document.querySelectorAll("[data-answer]")) {
    const fresh = page.getElementById(part.id);
    if (fresh) part.replaceWith(fresh);
    else part.remove();
  }
  document.dispatchEvent(new Event("answer"));
  if (bar()) wait(0); // a film was added meanwhile
  return undefined;
}

async function look(number) {
  const answer = await fetch(bar().dataset.address, { headers: { Accept: "application/json" } }).catch(() => null);
  const read = answer && answer.ok ? await answer.json() : null; // what cannot be reached is asked again
  if (read && read.done) return exchange();
  if (read) { bar().max = read.films; bar().value = read.read; }
  return wait(number + 1);
}

const wait = (number) => setTimeout(look, PAUSES[Math.min(number, PAUSES.length - 1)], number);
if (bar()) { wait(0); }

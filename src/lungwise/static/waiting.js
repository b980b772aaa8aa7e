// Asks how far a study's readings are, and loads the page again once they are there. Without this script the page
// has a link that loads it again.
"use strict";
const bar = document.querySelector("progress[data-address]");
const PAUSES = [100, 100, 200, 300, 500, 500, 1000, 1000, 1000, 3000]; // milliseconds; the last one over and over
const look = async (number) => {
  const answer = await fetch(bar.dataset.address, { headers: { Accept: "application/json" } }).catch(() => null);
  const read = answer && answer.ok ? await answer.json() : null; // what cannot be reached is asked again
  if (read && read.done) { location.reload(); return; }
  if (read) { bar.max = read.films; bar.value = read.read; }
  wait(number + 1);
};
const wait = (number) => setTimeout(look, PAUSES[Math.min(number, PAUSES.length - 1)], number);
if (bar) { wait(0); }

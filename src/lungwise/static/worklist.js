// Searches while one types, and filters as soon as something is chosen. Without this script one presses the button.
"use strict";
const search = document.getElementById("search");
const lost = document.getElementById("lost");
const PAUSE = 250; // milliseconds after the last key
const AGAIN = 3000; // milliseconds after the connection was lost
let timer = 0;
let running = null;

async function show() {
  running?.abort();
  running = new AbortController();
  try {
    const answer = await fetch(search.action, { method: "POST", body: new FormData(search), signal: running.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const list = page.getElementById("list");
    if (!list) return search.submit(); // signed out meanwhile, or refused: the page says why
    lost.hidden = true;
    document.getElementById("list").replaceWith(list);
    count();
    history.replaceState(null, "", answer.url); // so that Back comes back to this list
  } catch (error) {
    if (error.name === "AbortError") return undefined; // somebody typed on
    lost.hidden = false; // and what is typed stays, which it would not on the browser's own page
    clearTimeout(timer);
    timer = setTimeout(show, AGAIN);
  }
  return undefined;
}

/** Say how many studies there are on all pages. */
async function count() {
  const total = document.getElementById("total");
  if (!total?.dataset.address) return;
  const answer = await fetch(total.dataset.address, { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer?.ok) total.textContent = (await answer.json()).said;
}

count();
search.addEventListener("input", (event) => {
  clearTimeout(timer);
  if (event.target.type === "date" && !event.target.value && event.target.validity.badInput) return; // half a date
  timer = setTimeout(show, event.target.type === "search" ? PAUSE : 0);
});
search.addEventListener("submit", () => clearTimeout(timer));

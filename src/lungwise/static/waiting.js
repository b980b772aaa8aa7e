// Asks how far a study's readings are, and puts the answer in its place once they are there: the rest of the page, and
// what somebody is typing there, stays as it is. Without this script the page has a link that loads it again.
"use strict";
const PAUSES = [100, 100, 200, 300, 500, 500, 1000, 1000, 1000, 3000]; // milliseconds; the last one over and over
const PATIENCE = 60_000; // milliseconds for one answer: a link may be dead without saying so
const FAILED = 500; // and above: the server, or what stands before it, is at fault, and may be well again soon
const SAME = ["id", "class", "href", "name", "value"]; // what a control has in common with the one in its place
const bar = () => document.querySelector("progress[data-address]");

/** Ask for a page or a value; null where no whole answer comes. */
async function asked(address, kind, headers = {}) {
  try {
    const answer = await fetch(address, { headers, signal: AbortSignal.timeout(PATIENCE) });
    return answer.status < FAILED ? { ok: answer.ok, said: await answer[kind]() } : null;
  } catch {
    return null;
  }
}

/** Put a fresh part of the page in the place of an old one, with the keyboard's focus where it was. */
function put(part, fresh) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  part.replaceWith(fresh);
  if (!focused) return;
  const isSame = (control) => SAME.every((name) => control.getAttribute(name) === focused.getAttribute(name));
  const found = [...fresh.querySelectorAll(focused.localName)].find(isSame);
  if (!found) fresh.tabIndex = -1; // so that the focus stays near
  (found ?? fresh).focus({ preventScroll: true });
}

/** Exchange the parts of the page that readings change. */
async function exchange() {
  const answer = await asked(location.href, "text");
  if (!answer) return setTimeout(exchange, PAUSES.at(-1)); // loading the page again would lose what is typed
  const page = new DOMParser().parseFromString(answer.said, "text/html");
  if (!page.querySelector("[data-answer]")) return location.reload(); // signed out meanwhile: the page says it
  for (const part of document.querySelectorAll("[data-answer]")) {
    const fresh = page.getElementById(part.id);
    if (fresh) put(part, fresh);
    else part.remove();
  }
  document.dispatchEvent(new Event("answer"));
  if (bar()) wait(0); // a film was added meanwhile
  return undefined;
}

async function look(number) {
  const answer = await asked(bar().dataset.address, "json", { Accept: "application/json" });
  const read = answer?.ok ? answer.said : null; // what cannot be reached is asked again
  if (read && read.done) return exchange();
  if (read) { bar().max = read.films; bar().value = read.read; }
  return wait(number + 1);
}

const wait = (number) => setTimeout(look, PAUSES[Math.min(number, PAUSES.length - 1)], number);
if (bar()) { wait(0); }

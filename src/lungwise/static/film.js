// The film on a study's page: its shape, for a size that the screen shows whole; how strongly its heat map covers it, and which of the
// patient's sides is where.
"use strict";

function show(look) {
  const opacity = look.querySelector(".opacity"), heat = look.querySelector(".heat");
  if (opacity && heat) {
    const range = opacity.querySelector("input");
    opacity.hidden = false;
    range.addEventListener("input", () => { heat.style.opacity = range.value / 100; });
  }
  const sheet = look.querySelector(".sheet"), picture = sheet.querySelector(".plain");
  picture.decode().then(() => sheet.style.setProperty("--ratio", picture.naturalWidth / picture.naturalHeight), () => {});
  nameSides(sheet, look.dataset.film);
}

const showAll = () => document.querySelectorAll(".look").forEach(show);
showAll();
document.addEventListener("answer", showAll); // the readings have come, and the film anew with its heat map

async function nameSides(sheet, address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
  const sides = answer && answer.ok ? (await answer.json()).sides : null;
  for (const [place, letter] of Object.entries(sides || {})) {
    const mark = document.createElement("span");
    mark.className = `side ${place}`;
    mark.textContent = letter;
    sheet.append(mark);
  }
}

// Says beside our own button which files were chosen; the browser's button and its words are hidden.
"use strict";
for (const input of document.querySelectorAll(".files input")) {
  const chosen = input.parentElement.querySelector("[data-chosen]");
  input.addEventListener("change", () => {
    const names = [...input.files].map((file) => file.name);
    chosen.textContent = names.length > 1 ? chosen.dataset.chosen.replace("{n}", names.length) : names.join("");
  });
}

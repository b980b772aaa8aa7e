// Lets one look at what one types as a password (OWASP ASVS 2.1.12). Without this script nothing is offered.
"use strict";
for (const choice of document.querySelectorAll("[data-shows-passwords]")) {
  const form = choice.closest("form");
  const fields = [...form.querySelectorAll("[type=password]")];
  const box = choice.querySelector("input");
  const show = (shown) => fields.forEach((field) => { field.type = shown ? "text" : "password"; });
  fields.at(-1).closest(".field").after(choice);
  choice.hidden = false;
  box.addEventListener("change", () => show(box.checked));
  form.addEventListener("submit", () => show(false)); // so that a browser offers to keep it as a password
}

// Keeps what was typed while a form is sent: where the session has ended meanwhile one signs in, and where the
// connection broke one goes back, and finds it again. It lies in this tab alone, is shown to nobody but the person who
// typed it, and goes when it has arrived.
"use strict";
{
  const KEY = "typed";
  const NEVER = ["csrf_token", "once"];
  const ANSWER = "answer_version"; // of a study: who agreed with it has not agreed with a later one
  const { person, page } = document.body.dataset; // no person: signed out
  const isShownAgain = "again" in document.body.dataset; // a form that was sent, and what is wrong with it
  const pathOf = (form) => new URL(form.action, location.href).pathname;
  const keep = (typed) => sessionStorage.setItem(KEY, JSON.stringify(typed));
  const forget = () => sessionStorage.removeItem(KEY);

  function note(event) {
    const form = event.target;
    if (event.defaultPrevented) return; // a script sends it, and keeps it
    if (form.method !== "post" || !person || form.getAttribute("role") === "search") return;
    if ("ends" in form.dataset) return forget(); // signs out: nothing stays for who comes next
    const fields = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !NEVER.includes(name));
    const isSecret = form.querySelector("[type=password], [autocomplete=one-time-code]");
    if (isSecret || !fields.some(([name, value]) => value && name !== ANSWER)) return;
    keep({ person, page, form: pathOf(form), fields, ended: false });
  }

  function fill(form, fields) {
    const isOfAnother = fields.some(([name, value]) => name === ANSWER && form.elements[ANSWER]?.value !== value);
    for (const control of form.elements) {
      if (isOfAnother && control.type === "radio") continue;
      if (!control.name || NEVER.includes(control.name) || ["hidden", "file", "submit"].includes(control.type)) continue;
      const values = fields.filter(([name]) => name === control.name).map(([, value]) => value);
      if (["checkbox", "radio"].includes(control.type)) control.checked = values.includes(control.value);
      else if (values.length) control.value = values[0];
    }
    for (let outer = form.closest("details"); outer; outer = outer.parentElement.closest("details")) outer.open = true;
    for (const inner of form.querySelectorAll("details")) inner.open = true;
  }

  function bringBack(typed) {
    forget();
    const form = [...document.forms].find((one) => pathOf(one) === typed.form);
    if (!form) return;
    fill(form, typed.fields);
    const again = document.getElementById("typed-again");
    again.hidden = false;
    form.prepend(again);
    again.scrollIntoView({ block: "center" });
  }

  function arrive(typed) {
    if (typed.person !== person) return forget();
    if (isShownAgain) return undefined; // with what was typed
    if (typed.ended && page !== typed.page) return location.replace(typed.page);
    const isSaved = !typed.ended && (page !== typed.page || document.querySelector(".notice[role=status]:not([hidden])"));
    return isSaved ? forget() : bringBack(typed);
  }

  const typed = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (typed && !person) keep({ ...typed, ended: true });
  else if (typed) arrive(typed);
  document.addEventListener("submit", note);
}

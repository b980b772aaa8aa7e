// Keeps what was typed while a form is sent: where the session has ended meanwhile one signs in, and where the
// connection broke one goes back, and finds it again. It lies in this tab alone, is shown to nobody but the person who
// typed it, and goes when it has arrived.
"use strict";
{
  const KEY = "typed";
  const NEVER = ["csrf_token", "once"];
  const ANSWER = "answer_version"; // of a study: who agreed with it has not agreed with a later one
  const KNOWN = "known"; // what a form was filled with: what somebody else changed since is not typed over unseen
  const SENT = "sent", ENDED = "ended", RETURNING = "returning", WAITING = "waiting"; // how far it is
  const { person, page } = document.body.dataset; // no person: signed out
  const isShownAgain = "again" in document.body.dataset; // a form that was sent, and what is wrong with it
  const pathOf = (form) => new URL(form.action, location.href).pathname;
  const keep = (typed) => sessionStorage.setItem(KEY, JSON.stringify(typed));
  const forget = () => sessionStorage.removeItem(KEY);

  function note(event) {
    const form = event.target;
    if (event.defaultPrevented) return; // a script sends it, and keeps it
    if (form.method !== "post" || !person || form.getAttribute("role") === "search") return;
    const fields = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !NEVER.includes(name));
    const isSecret = form.querySelector("[type=password], [autocomplete=one-time-code]");
    if (isSecret || !fields.some(([name, value]) => value && ![ANSWER, KNOWN].includes(name))) return;
    keep({ person, page, form: pathOf(form), fields, state: SENT });
  }

  function fill(form, fields) {
    const isOfAnother = fields.some(([name, value]) => name === ANSWER && form.elements[ANSWER]?.value !== value);
    for (const control of form.elements) {
      if (isOfAnother && control.type === "radio") continue;
      if (!control.name || NEVER.includes(control.name) || ["file", "submit"].includes(control.type)) continue;
      if (control.type === "hidden" && control.name !== KNOWN) continue;
      const values = fields.filter(([name]) => name === control.name).map(([, value]) => value);
      if (["checkbox", "radio"].includes(control.type)) control.checked = values.includes(control.value);
      else if (values.length) control.value = values[0];
    }
    for (let outer = form.closest("details"); outer; outer = outer.parentElement.closest("details")) outer.open = true;
    for (const inner of form.querySelectorAll("details")) inner.open = true;
  }

  function say(name, form) {
    const said = document.getElementById(name);
    if (!said) return; // a page without forms
    said.hidden = false;
    form?.prepend(said);
    said.scrollIntoView({ block: "center" });
  }

  function bringBack(typed, name) {
    forget();
    const form = [...document.forms].find((one) => pathOf(one) === typed.form);
    if (!form) return;
    fill(form, typed.fields);
    say(name, form);
  }

  function arrive(typed) {
    if (typed.person !== person) return forget();
    if (isShownAgain) return undefined; // with what was typed
    const isThere = page === typed.page;
    if (typed.state === SENT) {
      const isSaved = !isThere || document.querySelector(".notice[role=status]:not([hidden])");
      return isSaved ? forget() : bringBack(typed, "typed-unsure");
    }
    if (isThere) return bringBack(typed, "typed-again");
    if (typed.state === ENDED) {
      keep({ ...typed, state: RETURNING }); // once: that page may lead to another one meanwhile
      return location.replace(typed.page);
    }
    if (typed.state === RETURNING) {
      keep({ ...typed, state: WAITING }); // until somebody goes there
      say("typed-before");
    }
    return undefined;
  }

  const typed = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (typed && !person) keep({ ...typed, state: ENDED });
  else if (typed) arrive(typed);
  document.addEventListener("submit", note);
}

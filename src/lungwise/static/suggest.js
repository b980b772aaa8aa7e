// Suggests known patients while one types a name or an identifier; choosing one fills the fields in.
"use strict";
{
  const list = document.getElementById("suggested");
  const form = list.closest("form");
  const PAUSE = 250; // milliseconds after the last key
  const FEWEST = 2; // letters
  let timer = 0;
  let running = null;

  function fill(patient) {
    for (const name of ["identifier", "name", "sex", "birth_date"]) form.elements[name].value = patient[name];
    list.hidden = true;
    form.elements.name.focus();
  }

  function item(patient) {
    const line = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = patient.label;
    button.addEventListener("click", () => fill(patient));
    line.append(button);
    return line;
  }

  async function suggest(text) {
    running?.abort();
    running = new AbortController();
    const body = new FormData();
    body.append("csrf_token", form.elements.csrf_token.value);
    body.append("text", text);
    const headers = { Accept: "application/json" };
    const answer = await fetch(list.dataset.address, { method: "POST", body, headers, signal: running.signal }).catch(() => null);
    const patients = answer?.ok ? await answer.json() : []; // without suggestions one goes on typing
    list.replaceChildren(...patients.map(item));
    list.hidden = !patients.length;
  }

  for (const name of ["identifier", "name"]) {
    form.elements[name].addEventListener("input", (event) => {
      clearTimeout(timer);
      const text = event.target.value.trim();
      list.hidden = true;
      if (text.length >= FEWEST) timer = setTimeout(suggest, PAUSE, text);
    });
  }
}

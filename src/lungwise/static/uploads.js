// Loads what sends films once somebody turns to the form: most who open a study's page add none.
"use strict";
{
  const form = document.getElementById("upload");
  const { scripts, now } = document.currentScript.dataset;
  let isLoaded = false;

  async function load() {
    for (const address of scripts.split(" ")) await loadScript(address);
    isLoaded = true;
  }

  /** Load, and then do what was asked for; where the connection broke, say so: the form can be used again. */
  async function first(act) {
    try {
      await load();
      act();
    } catch {
      const trouble = document.getElementById("trouble");
      trouble.textContent = form.dataset.broken;
      trouble.hidden = false;
    }
  }

  for (const kind of ["focusin", "pointerover", "dragenter", "change"]) {
    form.addEventListener(kind, () => load().catch(() => {}), { once: true });
  }
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("submit", (event) => {
    if (isLoaded) return;
    event.preventDefault();
    first(() => form.requestSubmit());
  });
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    const entries = entriesOf(event);
    if (!isLoaded) first(() => addEntries(entries));
  });
  if (now !== undefined) first(() => {});
}

/** What was dropped: to be asked for at once, for the event forgets it. */
function entriesOf(event) {
  return [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
}

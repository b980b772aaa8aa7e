// Loads scripts where they are needed, each once: what keeps the words that are typed, where there is a form to type in,
// and what keeps uploads, where this browser has kept one, or somebody signs out. To look makes no database.
"use strict";
const loadScript = (() => {
  const loading = new Map();
  const begin = (address) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = () => { loading.delete(address); reject(new Error(address)); }; // so that it is tried again
    document.head.append(script);
  });
  return (address) => {
    if (!loading.has(address)) loading.set(address, begin(address));
    return loading.get(address);
  };
})();

{
  const { typed, uploads } = document.currentScript.dataset;
  if (sessionStorage.getItem("typed") || document.querySelector("main form[method=post]")) loadScript(typed);

  /** Load what keeps uploads where this browser may have kept one: an older browser does not say. */
  async function findUploads() {
    const found = await window.indexedDB?.databases?.();
    const mayBe = !found || found.some(({ name }) => name === "lungwise");
    if (mayBe) await loadScript(uploads);
    return mayBe;
  }
  findUploads().catch(() => {});

  // An upload may have broken since this page was loaded, here or in another tab: it is asked for only now.
  let isAsking = false;
  let isSettled = false;
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!("ends" in form.dataset) || isSettled) return;
    event.preventDefault();
    if (isAsking) return;
    isAsking = true;
    const mayBe = await findUploads().catch(() => false);
    isSettled = !mayBe || await settleKeptUploads().catch(() => false); // what could not be deleted is asked for again
    isAsking = false;
    if (isSettled) form.requestSubmit();
    isSettled = false;
  });
}

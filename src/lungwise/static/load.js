// Loads scripts where they are needed, each once: what keeps typed words, where there is a form, and what keeps uploads,
// where this browser has kept one, or somebody signs out. To look makes no database.
"use strict";
const loadScript = (() => {
  const loading = new Map();
  return (address) => {
    if (!loading.has(address)) loading.set(address, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = resolve;
      script.onerror = () => { loading.delete(address); reject(new Error(address)); }; // so that it is tried again
      document.head.append(script);
    }));
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
  if (document.getElementById("kept-uploads")) findUploads().catch(() => {});

  document.addEventListener("submit", async (event) => {
    const { target } = event, { dataset } = target;
    if (!("ends" in dataset)) return;
    event.preventDefault();
    if (dataset.ends) return;
    dataset.ends = "asks"; // only now: an upload may have broken meanwhile, in any tab
    const goes = !await findUploads().catch(() => {}) || await settleKeptUploads().catch(() => {});
    dataset.ends = "";
    if (goes) target.submit();
  });
}

// Loads scripts where they are needed, each once: what keeps typed words, and what keeps uploads.
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
  if (sessionStorage.typed || document.querySelector("main form[method=post]")) loadScript(typed);

  /** Load what keeps uploads, where this browser may have kept one: older ones do not say. Looking makes no database. */
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
    dataset.ends = "asks"; // now: an upload may have broken since, in any tab
    const late = new Promise((end) => setTimeout(end, 5000)); // a database may never answer
    const goes = !await Promise.race([findUploads(), late]).catch(() => {}) || await settleKeptUploads().catch(() => true);
    dataset.ends = "";
    if (!goes) return;
    delete sessionStorage.typed; // nothing stays for who comes next
    target.submit();
  });
}

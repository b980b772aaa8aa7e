// Loads scripts where they are needed, each once: what keeps the words that are typed, where there is a form to type in,
// and what keeps uploads, where this browser has one that is not finished. To look makes no database.
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
  const isOurs = ({ name }) => name === "lungwise";
  Promise.resolve(window.indexedDB?.databases?.()).then((found) => { // an older browser does not say
    if (!found || found.some(isOurs)) loadScript(uploads);
  });
}

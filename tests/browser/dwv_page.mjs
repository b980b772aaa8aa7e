// dwv in a page: show(FILES) lays files over each other in the element #film, and gives what dwv complains of.
import * as dwv from 'dwv';

window.show = (files) =>
  new Promise((resolve) => {
    const complaints = [];
    const left = [...files];
    const app = new dwv.App();
    const options = new dwv.AppOptions({ '*': [{ divId: 'film' }] });
    options.viewOnFirstLoadItem = false;
    document.getElementById('film').replaceChildren();
    app.init(options);
    for (const kind of ['error', 'loaderror']) {
      app.addEventListener(kind, (event) => complaints.push(String(event.error)));
    }
    app.addEventListener('load', (event) => {
      app.render(event.dataid);
      if (left.length) {
        app.loadURLs([left.shift()]);
      } else {
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(complaints)));
      }
    });
    app.loadURLs([left.shift()]);
  });

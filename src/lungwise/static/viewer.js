// The film viewer: zoom, pan, window and level, invert, heat map. Both films of a comparison move together.
"use strict";
const id = (name) => document.getElementById(name);
const view = { zoom: 1, x: 0, y: 0, level: 50, window: 100, inverted: false, opacity: 60 };
const panes = [];

class Pane {
  constructor(stage) {
    this.stage = stage;
    this.plain = stage.querySelector(".plain");
    this.heat = stage.querySelector(".heat");
    this.layers = document.createElement("div");
    this.layers.className = "layers";
    this.canvas = document.createElement("canvas");
    this.layers.append(this.canvas);
    if (this.heat) this.layers.append(this.heat);
    this.plain.replaceWith(this.layers);
    this.plain.decode().then(() => this.load());
  }

  load() {
    this.canvas.width = this.plain.naturalWidth;
    this.canvas.height = this.plain.naturalHeight;
    this.context = this.canvas.getContext("2d");
    this.context.drawImage(this.plain, 0, 0);
    this.pixels = this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
    this.grey = Uint8Array.from({ length: this.pixels.data.length / 4 }, (_, n) => this.pixels.data[4 * n]);
    this.fit();
    this.tone();
  }

  fit() {
    const scale = Math.min(this.stage.clientWidth / this.canvas.width, this.stage.clientHeight / this.canvas.height);
    this.layers.style.width = `${this.canvas.width * scale}px`;
    this.layers.style.height = `${this.canvas.height * scale}px`;
    this.move();
  }

  move() {
    const { offsetWidth: w, offsetHeight: h } = this.layers;
    // x and y are fractions of the film, so that films of two sizes move alike
    const x = w * (1 - view.zoom) / 2 + view.x * w, y = h * (1 - view.zoom) / 2 + view.y * h;
    this.layers.style.transform = `translate(${x}px, ${y}px) scale(${view.zoom})`;
    if (this.heat) this.heat.style.opacity = view.opacity / 100;
  }

  tone() {
    if (!this.pixels) return;
    const low = 255 * (view.level - view.window / 2) / 100, width = Math.max(2.55 * view.window, 1);
    const table = Uint8ClampedArray.from({ length: 256 }, (_, n) => {
      const tone = 255 * (n - low) / width;
      return view.inverted ? 255 - tone : tone;
    });
    const data = this.pixels.data;
    for (let n = 0; n < this.grey.length; n++) data[4 * n] = data[4 * n + 1] = data[4 * n + 2] = table[this.grey[n]];
    this.context.putImageData(this.pixels, 0, 0);
  }
}

const move = () => panes.forEach((pane) => pane.move());
const tone = () => panes.forEach((pane) => pane.tone());

// What lies under `at`, counted from the film's middle in widths and heights of the film, stays where it is.
function zoom(factor, at = { x: 0, y: 0 }) {
  const next = Math.min(Math.max(view.zoom * factor, 1), 12);
  for (const way of ["x", "y"]) view[way] = at[way] - (at[way] - view[way]) * next / view.zoom;
  view.zoom = next;
  pan(0, 0);
}

function pan(x, y) {
  const most = (view.zoom - 1) / 2 + 0.05;
  view.x = Math.min(Math.max(view.x + x, -most), most);
  view.y = Math.min(Math.max(view.y + y, -most), most);
  move();
}

function invert() {
  view.inverted = !view.inverted;
  id("invert").setAttribute("aria-pressed", view.inverted);
  tone();
}

function reset() {
  Object.assign(view, { zoom: 1, x: 0, y: 0, level: 50, window: 100, inverted: false, opacity: 60 });
  for (const name of ["level", "window", "opacity"]) id(name).value = view[name];
  id("invert").setAttribute("aria-pressed", false);
  move();
  tone();
}

function showHeat() {
  view.opacity = view.opacity ? 0 : 60;
  id("opacity").value = view.opacity;
  move();
}

const keys = {
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "0": reset, i: invert, h: showHeat,
  ArrowLeft: () => pan(0.05, 0), ArrowRight: () => pan(-0.05, 0), ArrowUp: () => pan(0, 0.05), ArrowDown: () => pan(0, -0.05),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[key]) return;
  event.preventDefault();
  keys[key]();
});

function follow({ stage, layers }) {
  const fingers = new Map();
  const apart = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
  const middle = () => { const [a, b] = [...fingers.values()]; return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }; };
  const place = ({ x, y }) => {
    const { left, top, width, height } = stage.getBoundingClientRect();
    return { x: (x - left - width / 2) / layers.offsetWidth, y: (y - top - height / 2) / layers.offsetHeight };
  };
  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    const before = fingers.size === 2 && { apart: apart(), ...middle() };
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (before.apart) zoom(apart() / before.apart, place(before));
    const from = before || last, to = before ? middle() : { x: event.clientX, y: event.clientY };
    pan((to.x - from.x) / layers.offsetWidth, (to.y - from.y) / layers.offsetHeight);
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
  stage.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY < 0 ? 1.15 : 0.87, place(event)); }, { passive: false });
}

for (const stage of document.querySelectorAll(".stage")) {
  panes.push(new Pane(stage));
  follow(panes.at(-1));
}
for (const name of ["level", "window", "opacity"]) {
  id(name).addEventListener("input", (event) => {
    view[name] = Number(event.target.value);
    name === "opacity" ? move() : tone();
  });
}
id("invert").addEventListener("click", invert);
id("closer").addEventListener("click", () => zoom(1.25));
id("farther").addEventListener("click", () => zoom(0.8));
id("reset").addEventListener("click", reset);
id("tools").hidden = false;
window.addEventListener("resize", () => panes.forEach((pane) => pane.canvas.width && pane.fit()));

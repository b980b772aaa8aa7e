// One film in the viewer: how it lies on its stage, and what is drawn there.
"use strict";

const PICTURE_SIDE = 1600, WHOLE_SIDE = 3072; // pixels of a film's numbers: as its picture, and for looking closer
const FAST = 300; // kilobytes a second from which a film's full depth is loaded unasked
const EDGES = ["top", "right", "bottom", "left"];

class Pane {
  constructor(figure, view, words) {
    Object.assign(this, { figure, view, words, sides: {}, lines: [], width: null, height: null, side: 0 });
    this.stage = figure.querySelector(".stage");
    this.plain = this.stage.querySelector(".plain");
    this.heat = this.stage.querySelector(".heat");
    this.layers = document.createElement("div");
    this.layers.className = "layers";
    this.canvas = document.createElement("canvas");
    this.layers.append(this.canvas);
    if (this.heat) this.layers.append(this.heat);
    this.plain.replaceWith(this.layers);
    this.plain.decode().then(() => this.load(), () => {});
  }

  load() {
    this.show(Tones.ofPicture(this.plain));
    new ResizeObserver(() => this.fit()).observe(this.stage);
    this.learn();
    if (!this.figure.dataset.levels) return;
    this.say(this.words.waits);
    if (speed(this.plain.src) > FAST) this.deepen();
  }

  show(tones) {
    this.tones = tones;
    Object.assign(this.canvas, { width: tones.columns, height: tones.rows });
    this.context = this.canvas.getContext("2d");
    this.pixels = this.context.createImageData(tones.columns, tones.rows);
    this.fit();
    this.tone();
  }

  say(text) {
    this.figure.querySelector(".depth").textContent = text;
  }

  // Millimetres and the patient's sides, as far as the film's file says.
  async learn() {
    const answer = await fetch(this.figure.dataset.geometry, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer || !answer.ok) return;
    Object.assign(this, await answer.json());
    this.move();
  }

  // Fetches the film's numbers at their full depth: as large as its picture first, larger ones when one looks closer.
  async deepen() {
    const side = this.view.zoom > 2 ? WHOLE_SIDE : PICTURE_SIDE;
    if (!this.figure.dataset.levels || !this.tones || side <= this.side) return;
    this.side = side;
    const told = (part) => this.say(fill(this.words.loading, { n: Math.round(100 * part) }));
    try {
      const tones = await Tones.ofFile(this.figure.dataset.levels.replace(/\d+$/, side), told);
      if (!tones) { delete this.figure.dataset.levels; this.say(""); return; }
      this.show(tones);
      if (Math.max(tones.columns, tones.rows) < side) this.side = WHOLE_SIDE; // there is no more of it
      this.say(fill(this.words.depth, { n: tones.bits }));
      this.stage.dispatchEvent(new CustomEvent("deepened", { bubbles: true, detail: tones.windows }));
    } catch {
      this.side = 0; // what could not be loaded is tried again with the next change
      this.say(this.words.failed);
    }
  }

  get across() {
    return this.view.turns % 2 === 1;
  }

  fit() {
    const { columns, rows } = this.tones, { clientWidth, clientHeight } = this.stage;
    const scale = Math.min(clientWidth / (this.across ? rows : columns), clientHeight / (this.across ? columns : rows));
    [this.wide, this.high] = [columns * scale, rows * scale];
    this.layers.style.width = `${this.wide}px`;
    this.layers.style.height = `${this.high}px`;
    this.move();
  }

  // Width and height of the film on the screen, before one looks closer.
  get box() {
    return this.across ? { x: this.high, y: this.wide } : { x: this.wide, y: this.high };
  }

  move() {
    if (!this.tones) return;
    const { zoom, x, y, turns, mirrored, opacity } = this.view, box = this.box;
    // x and y are fractions of the film, so that films of two sizes move alike
    const lie = `${turns ? ` rotate(${90 * turns}deg)` : ""}${mirrored ? " scaleX(-1)" : ""}`;
    this.layers.style.transform = `translate(${x * box.x}px, ${y * box.y}px) scale(${zoom})${lie}`;
    if (this.heat) this.heat.style.opacity = opacity / 100;
    this.stage.classList.toggle("zoomed", zoom > 1);
    this.figure.querySelector(".mirrored").hidden = !mirrored;
    this.nameSides();
    this.stage.dispatchEvent(new CustomEvent("moved"));
  }

  nameSides() {
    for (const mark of this.stage.querySelectorAll(".side")) mark.remove();
    for (const [edge, letter] of Object.entries(this.sides)) {
      const across = this.view.mirrored && (edge === "left" || edge === "right") ? 2 : 0;
      const mark = document.createElement("span");
      mark.className = `side ${EDGES[(EDGES.indexOf(edge) + across + this.view.turns) % 4]}`;
      mark.textContent = letter;
      this.stage.append(mark);
    }
  }

  tone() {
    if (!this.pixels) return;
    const table = this.tones.table(this.view), values = this.tones.values;
    const greys = Uint32Array.from(table, (grey) => (0xff000000 | grey * 0x010101) >>> 0); // grey in each of the bytes
    const data = new Uint32Array(this.pixels.data.buffer);
    for (let n = 0; n < values.length; n++) data[n] = greys[values[n]];
    this.context.putImageData(this.pixels, 0, 0);
    this.figure.querySelector(".window").textContent = fill(this.words.window, this.tones.numbers(this.view));
  }

  // From a place on the stage, in pixels, to one on the film, in fractions of it; and back.
  onFilm({ x, y }) {
    const { zoom, turns, mirrored } = this.view, box = this.box;
    let place = [(x - this.stage.clientWidth / 2 - this.view.x * box.x) / zoom, (y - this.stage.clientHeight / 2 - this.view.y * box.y) / zoom];
    for (let n = 0; n < turns; n++) place = [place[1], -place[0]];
    return { x: (mirrored ? -1 : 1) * place[0] / this.wide + 0.5, y: place[1] / this.high + 0.5 };
  }

  onStage({ x, y }) {
    const { zoom, turns, mirrored } = this.view, box = this.box;
    let place = [(mirrored ? -1 : 1) * (x - 0.5) * this.wide, (y - 0.5) * this.high];
    for (let n = 0; n < turns; n++) place = [-place[1], place[0]];
    return { x: place[0] * zoom + this.view.x * box.x + this.stage.clientWidth / 2, y: place[1] * zoom + this.view.y * box.y + this.stage.clientHeight / 2 };
  }
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// Kilobytes a second at which something came; 0 where the browser does not say.
function speed(address) {
  const came = performance.getEntriesByName(address).at(-1);
  return came && came.encodedBodySize ? came.encodedBodySize / Math.max(came.responseEnd - came.responseStart, 1) : 0;
}

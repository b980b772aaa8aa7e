// Lines that measure: drawn over the film, in millimetres where its file says how large it is, otherwise in hundredths
// of its width. Two lines have a ratio.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const REACH = { mouse: 10, pen: 14, touch: 24 }; // pixels around an end by which it is taken hold of

class Lines {
  constructor(pane, changed) {
    this.pane = pane;
    this.changed = changed;
    this.drawing = document.createElementNS(SVG, "svg");
    this.drawing.setAttribute("class", "lines");
    this.drawing.setAttribute("aria-hidden", "true");
    pane.stage.append(this.drawing);
    pane.stage.addEventListener("moved", () => this.draw());
  }

  // Takes hold of the end of a line that is there, or begins a new one.
  grasp(at, kind) {
    const near = (end) => { const on = this.pane.onStage(end); return Math.hypot(on.x - at.x, on.y - at.y) < (REACH[kind] || REACH.mouse); };
    for (const line of this.pane.lines) {
      const held = ["from", "to"].find((end) => near(line[end]));
      if (held) { this.held = { line, end: held }; return; }
    }
    const line = { from: this.pane.onFilm(at), to: this.pane.onFilm(at) };
    this.pane.lines.push(line);
    this.held = { line, end: "to" };
  }

  // Draws a line across the middle of what is seen, for who has no mouse, and moves one of its ends by pixels.
  begin() {
    const { clientWidth: width, clientHeight: height } = this.pane.stage, [from, to] = [0.4, 0.6];
    const end = (part) => this.pane.onFilm({ x: part * width, y: height / 2 });
    this.pane.lines.push({ from: end(from), to: end(to) });
    this.draw();
    this.changed();
  }

  nudge(end, { x, y }) {
    const line = this.pane.lines.at(-1);
    if (!line) return;
    const at = this.pane.onStage(line[end]);
    this.held = { line, end };
    this.drag({ x: at.x + x, y: at.y + y });
    this.held = null;
    this.changed();
  }

  drag(at) {
    if (!this.held) return;
    const { x, y } = this.pane.onFilm(at);
    this.held.line[this.held.end] = { x: Math.min(Math.max(x, 0), 1), y: Math.min(Math.max(y, 0), 1) };
    this.draw();
  }

  drop() {
    if (this.held) this.pane.lines = this.pane.lines.filter((line) => this.onScreen(line) > 4); // a click is no line
    this.held = null;
    this.draw();
    this.changed();
  }

  remove(all) {
    this.pane.lines.splice(all ? 0 : -1);
    this.draw();
    this.changed();
  }

  onScreen({ from, to }) {
    const [a, b] = [this.pane.onStage(from), this.pane.onStage(to)];
    return Math.hypot(a.x - b.x, a.y - b.y);
  }

  // Millimetres, or hundredths of the film's width.
  length({ from, to }) {
    const { width, height, tones } = this.pane;
    const across = width || 100, down = width ? height : 100 * tones.rows / tones.columns;
    return Math.hypot((to.x - from.x) * across, (to.y - from.y) * down);
  }

  text(line) {
    const words = this.pane.words;
    return fill(this.pane.width ? words.millimetres : words.share, { n: number(this.length(line), 3) });
  }

  draw() {
    this.drawing.replaceChildren();
    this.pane.lines.forEach((line, n) => {
      const [from, to] = [this.pane.onStage(line.from), this.pane.onStage(line.to)];
      for (const kind of ["under", "over"]) this.put("line", { class: kind, x1: from.x, y1: from.y, x2: to.x, y2: to.y });
      for (const { x, y } of [from, to]) this.put("circle", { cx: x, cy: y, r: 5 });
      const end = from.x > to.x ? from : to, right = end.x > this.pane.stage.clientWidth * 0.7;
      const label = this.put("text", { x: end.x + (right ? -10 : 10), y: end.y - 10, "text-anchor": right ? "end" : "start" });
      label.textContent = `${n + 1}: ${this.pane.width ? this.text(line) : `${number(this.length(line), 3)} %`}`;
    });
  }

  put(name, attributes) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    this.drawing.append(element);
    return element;
  }

  // What was measured, in words: each line, and the ratio of the last two.
  said() {
    const lines = this.pane.lines, told = lines.map((line, n) => `${n + 1}: ${this.text(line)}`);
    if (lines.length < 2) return told;
    const [one, other] = [lines.length - 2, lines.length - 1].sort((a, b) => this.length(lines[a]) - this.length(lines[b]));
    const n = number(this.length(lines[one]) / this.length(lines[other]), 2);
    return [...told, fill(this.pane.words.ratio, { one: one + 1, other: other + 1, n })];
  }
}

const number = (value, digits) => new Intl.NumberFormat(document.documentElement.lang, { maximumSignificantDigits: digits, useGrouping: false }).format(value);

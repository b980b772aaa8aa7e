// The film viewer's tools, keys and fingers. Both films of a comparison move together.
"use strict";
const id = (name) => document.getElementById(name);
const START = { zoom: 1, x: 0, y: 0, level: 50, window: 100, inverted: false, opacity: 60, turns: 0, mirrored: false, preset: "file" };
const viewer = id("viewer"), words = viewer.dataset;
const view = { ...START };
const panes = [], lines = [];
let drag = "move";

const move = () => panes.forEach((pane) => pane.move());
const fit = () => panes.forEach((pane) => pane.tones && pane.fit());

function tone() {
  panes.forEach((pane) => pane.tone());
  panes.forEach((pane) => pane.deepen());
}

// What lies under `at`, counted from the film's middle in widths and heights of the film, stays where it is.
function zoom(factor, at = { x: 0, y: 0 }) {
  const next = Math.min(Math.max(view.zoom * factor, 1), 12);
  for (const way of ["x", "y"]) view[way] = at[way] - (at[way] - view[way]) * next / view.zoom;
  view.zoom = next;
  pan(0, 0);
  if (next > 2) panes.forEach((pane) => pane.side && pane.deepen());
}

function pan(x, y) {
  const most = (view.zoom - 1) / 2 + 0.05;
  view.x = Math.min(Math.max(view.x + x, -most), most);
  view.y = Math.min(Math.max(view.y + y, -most), most);
  move();
}

function press(name, pressed) {
  id(name).setAttribute("aria-pressed", pressed);
}

function invert() {
  view.inverted = !view.inverted;
  press("invert", view.inverted);
  tone();
}

function turn(quarters) {
  view.turns = (view.turns + quarters + 4) % 4;
  [view.x, view.y] = [0, 0];
  fit();
}

// Mirrors left and right as they are on the screen, also where the film lies turned.
function mirror() {
  view.mirrored = !view.mirrored;
  view.turns = (4 - view.turns) % 4;
  view.x = -view.x;
  press("mirror", view.mirrored);
  fit();
}

function setWindow(level, width) {
  view.level = Math.min(Math.max(level, 0), 100);
  view.window = Math.min(Math.max(width, 5), 200);
  showSettings();
  tone();
}

function choose(preset) {
  view.preset = preset;
  setWindow(START.level, START.window);
}

function showSettings() {
  for (const name of ["level", "window", "opacity", "preset"]) id(name).value = view[name];
  press("invert", view.inverted);
  press("mirror", view.mirrored);
}

function reset() {
  Object.assign(view, START);
  showSettings();
  fit();
  panes.forEach((pane) => pane.tone());
}

function showHeat() {
  view.opacity = view.opacity ? 0 : START.opacity;
  id("opacity").value = view.opacity;
  move();
}

function use(tool) {
  drag = tool;
  for (const other of ["move", "window", "measure"]) press(`drag-${other}`, other === tool);
  viewer.dataset.drag = tool;
}

function told() {
  const measured = panes.filter((pane) => pane.lines.length);
  id("measured").hidden = !measured.length;
  id("lengths").value = lines.map((of) => of.said().join(" · ")).filter(Boolean).join(" — ");
  id("scale").textContent = [...new Set(measured.map((pane) => words[pane.scale || "unknown"]))].join(" ");
}

const isFull = () => document.fullscreenElement === viewer || viewer.classList.contains("filling");

function fillScreen() {
  if (isFull()) {
    viewer.classList.remove("filling");
    if (document.fullscreenElement) document.exitFullscreen();
  } else if (viewer.requestFullscreen) viewer.requestFullscreen();
  else viewer.classList.add("filling"); // an iPhone fills the screen with videos only
  press("fullscreen", isFull());
}
document.addEventListener("fullscreenchange", () => press("fullscreen", isFull()));

const keys = {
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "0": reset, i: invert, h: showHeat,
  r: () => turn(1), l: () => turn(-1), m: mirror, f: fillScreen,
  v: () => use("move"), w: () => use("window"), d: () => use(drag === "measure" ? "move" : "measure"),
  Delete: () => lines.forEach((of) => of.remove(false)), Escape: () => { if (viewer.classList.contains("filling")) fillScreen(); use("move"); },
};
const arrows = { ArrowLeft: [0.05, 0], ArrowRight: [-0.05, 0], ArrowUp: [0, 0.05], ArrowDown: [0, -0.05] };

// Where several films are compared, keys measure on the one that has the focus.
const measured = () => lines[Math.max(panes.findIndex((pane) => pane.stage === document.activeElement), 0)];

function pressed(key, shift) {
  if (drag === "measure" && key === "Enter" && panes.some((pane) => pane.stage === document.activeElement)) return () => measured().begin();
  if (drag === "measure" && arrows[key]) return () => measured().nudge(shift ? "from" : "to", { x: -80 * arrows[key][0], y: -80 * arrows[key][1] });
  if (arrows[key] && view.zoom > 1) return () => pan(...arrows[key]);
  const chosen = "123456789".includes(key) && id("preset").options[Number(key) - 1];
  return chosen ? () => choose(chosen.value) : keys[key];
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  const action = pressed(event.key.length === 1 ? event.key.toLowerCase() : event.key, event.shiftKey);
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !action) return;
  event.preventDefault();
  action();
});

// Fingers and mouse on one film: two fingers zoom; one moves, windows or measures, or scrolls the page while the film
// is seen whole.
function follow(pane, measure) {
  const stage = pane.stage, fingers = new Map();
  const apart = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
  const middle = () => { const [a, b] = [...fingers.values()]; return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }; };
  const onStage = ({ x, y }) => { const { left, top } = stage.getBoundingClientRect(); return { x: x - left, y: y - top }; };
  const place = (point) => {
    const { x, y } = onStage(point);
    return { x: (x - stage.clientWidth / 2) / pane.box.x, y: (y - stage.clientHeight / 2) / pane.box.y };
  };
  const client = (event) => ({ x: event.clientX, y: event.clientY });
  const actionOf = (event) => (event.button === 2 ? "window" : event.button === 1 ? "move" : drag);
  let action = "move";
  stage.addEventListener("pointerdown", (event) => {
    if (!pane.tones) return;
    fingers.set(event.pointerId, client(event));
    stage.setPointerCapture(event.pointerId);
    if (fingers.size > 1) { if (measure.held) measure.remove(false); measure.held = null; return; }
    action = actionOf(event);
    if (action === "measure") measure.grasp(onStage(client(event)), event.pointerType);
  });
  stage.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    const before = fingers.size === 2 && { apart: apart(), ...middle() };
    fingers.set(event.pointerId, client(event));
    if (before.apart) zoom(apart() / before.apart, place(before));
    const from = before || last, to = before ? middle() : client(event);
    const by = { x: to.x - from.x, y: to.y - from.y };
    if (before || action === "move") pan(by.x / pane.box.x, by.y / pane.box.y);
    else if (action === "window") setWindow(view.level - by.y / 4, view.window + by.x / 2);
    else measure.drag(onStage(to));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => {
      if (fingers.delete(event.pointerId) && action === "measure") measure.drop();
    });
  }
  stage.addEventListener("touchstart", (event) => { if (event.touches.length > 1) event.preventDefault(); }, { passive: false });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("dblclick", (event) => { if (drag !== "measure") view.zoom > 1 ? zoom(1 / view.zoom) : zoom(2.5, place(client(event))); });
  stage.addEventListener("wheel", (event) => {
    if (view.zoom === 1 && event.deltaY > 0) return; // the page scrolls on
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.15 : 0.87, place(client(event)));
  }, { passive: false });
}

// The windows that the film's own file names.
function offer({ detail: windows }) {
  for (const option of id("preset").querySelectorAll("[value^='own:']")) option.remove();
  if (panes.length > 1 || windows.length < 2) return;
  windows.forEach(({ name }, n) => id("preset").append(new Option(name || `${n + 1}`, `own:${n}`)));
  id("preset").value = view.preset;
}

for (const figure of document.querySelectorAll(".pane")) {
  const pane = new Pane(figure, view, words);
  panes.push(pane);
  lines.push(new Lines(pane, told));
  follow(pane, lines.at(-1));
}
for (const name of ["level", "window", "opacity"]) {
  id(name).addEventListener("input", (event) => {
    view[name] = Number(event.target.value);
    name === "opacity" ? move() : tone();
  });
}
for (const [name, action] of Object.entries({
  invert, mirror, reset, fullscreen: fillScreen, closer: () => zoom(1.25), farther: () => zoom(0.8),
  "rotate-left": () => turn(-1), "rotate-right": () => turn(1), clear: () => lines.forEach((of) => of.remove(true)),
  "drag-move": () => use("move"), "drag-window": () => use("window"), "drag-measure": () => use("measure"),
})) id(name).addEventListener("click", action);
id("preset").addEventListener("change", (event) => choose(event.target.value));
viewer.addEventListener("deepened", offer);
use("move");
id("tools").hidden = false;

// Lets a finger, a mouse or the arrow keys move the corners of the film. Without this script their numbers do.
"use strict";
const photo = document.getElementById("photo");
const outline = photo.querySelector("polygon");
const marks = [...photo.querySelectorAll(".mark")];
const field = (axis, n) => document.getElementById(axis + n);
const size = photo.viewBox.baseVal;
const STEP = 0.5; // hundredths of the picture
const FAR = 2.5;

function draw() {
  const points = marks.map((mark, n) => {
    const x = Number(field("x", n).value), y = Number(field("y", n).value);
    for (const circle of mark.children) {
      circle.setAttribute("cx", (x / 100) * size.width);
      circle.setAttribute("cy", (y / 100) * size.height);
    }
    mark.setAttribute("aria-valuenow", x);
    mark.setAttribute("aria-valuetext", `${x} %, ${y} %`);
    return `${(x / 100) * size.width},${(y / 100) * size.height}`;
  });
  outline.setAttribute("points", points.join(" "));
}

function put(n, x, y) {
  const within = (value) => Math.min(100, Math.max(0, value)).toFixed(1);
  field("x", n).value = within(x);
  field("y", n).value = within(y);
  draw();
}

function place(event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(photo.getScreenCTM().inverse());
  return [(point.x / size.width) * 100, (point.y / size.height) * 100];
}

marks.forEach((mark, n) => {
  mark.tabIndex = 0;
  mark.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    mark.focus();
    mark.setPointerCapture(event.pointerId);
  });
  mark.addEventListener("pointermove", (event) => {
    if (mark.hasPointerCapture(event.pointerId)) put(n, ...place(event));
  });
  mark.addEventListener("keydown", (event) => {
    const by = event.shiftKey ? FAR : STEP;
    const move = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    if (!move) return;
    event.preventDefault();
    put(n, Number(field("x", n).value) + move[0], Number(field("y", n).value) + move[1]);
  });
});
for (const input of document.querySelectorAll("#numbers input")) input.addEventListener("input", draw);
document.getElementById("numbers").open = false;
draw();

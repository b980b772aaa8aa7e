// Closes the menu of administration by Escape, and as soon as one presses or goes to something outside it.
"use strict";
{
  const menu = document.querySelector(".administration");
  const leave = ({ target }) => { if (!menu.contains(target)) menu.open = false; };
  document.addEventListener("pointerdown", leave);
  document.addEventListener("focusin", leave);
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

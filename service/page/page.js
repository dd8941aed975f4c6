/** Wires the page: the sheet, its tools, the reading beside it, and the two dialogs. */

import { takeKey } from "./access.js";
import { takePhotos } from "./camera.js";
import { offerCard } from "./card.js";
import { Drawing, SIDE, paint, toPng } from "./drawing.js";
import { drawWithKeys, drawWithPointer } from "./pen.js";
import { readPicture, takeFiles } from "./picture.js";
import { Predictor } from "./prediction.js";
import { showAnswer, showFailure, showNothing, showWaiting } from "./reading.js";

// Fingers neither drop nor paste.
const INVITATION = matchMedia("(hover: none)").matches
  ? "Draw a digit or a number"
  : "Draw a digit or a number,\nor drop or paste an image";

const find = (id) => document.getElementById(id);
const sheet = find("sheet");
const canvas = /** @type {HTMLCanvasElement} */ (find("canvas"));
const cursor = find("cursor");
const penWidth = () => Number(/** @type {HTMLInputElement} */ (find("pen-width")).value);

const drawing = new Drawing((isNew) => {
  repaint();
  showTools();
  showPenState();
  if (isNew) predictor.forget();
  if (drawing.isEmpty) {
    showNothing();
  } else {
    if (isNew) showWaiting();
    predictor.ask();
  }
});

const predictor = new Predictor(
  async () => drawing.image?.bytes ?? toPng(drawing),
  (outcome) =>
    "failure" in outcome
      ? showFailure(outcome.failure)
      : showAnswer(outcome.answer, outcome.number),
);

let isRepaintDue = false;
/** Once per frame at most: a stylus reports far more often. */
function repaint() {
  if (isRepaintDue) return;
  isRepaintDue = true;
  requestAnimationFrame(() => {
    isRepaintDue = false;
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    paint(canvas.getContext("2d"), drawing, getComputedStyle(canvas).color);
  });
}

function showTools() {
  const { isEmpty, image } = drawing;
  const isBare = isEmpty || image?.picture === null;
  sheet.classList.toggle("is-bare", isBare);
  // Only then, so that the old note fades away under the first stroke.
  if (isBare) find("note").textContent = isEmpty ? INVITATION : `No preview of ${image.name}`;
  // Not `disabled`: a button that disables itself under the finger takes the focus with it.
  find("undo").setAttribute("aria-disabled", String(!drawing.canUndo));
  find("redo").setAttribute("aria-disabled", String(!drawing.canRedo));
  find("clear").setAttribute("aria-disabled", String(isEmpty));
}

/** @param {import("./drawing.js").Point | null} point */
function showCursor(point) {
  cursor.hidden = point === null;
  if (point === null) return;
  cursor.style.left = `${(point.x / SIDE) * 100}%`;
  cursor.style.top = `${(point.y / SIDE) * 100}%`;
  cursor.style.width = `${(penWidth() / SIDE) * 100}%`;
  showPenState();
}

/** Only beside the cursor: who draws with a pointer knows where the pen is. */
function showPenState() {
  if (cursor.hidden) return;
  cursor.classList.toggle("is-down", drawing.isPenDown);
  find("pen-state").textContent = drawing.isPenDown ? "Pen down" : "Pen up";
}

function askAgain() {
  showWaiting();
  predictor.ask();
}

/** @param {File} file */
async function takeFile(file) {
  try {
    drawing.place(await readPicture(file));
  } catch {
    showFailure({ message: "This file could not be read.", isPassing: false });
  }
}

drawWithPointer(canvas, drawing, penWidth);
drawWithKeys(canvas, drawing, penWidth, showCursor);
takeFiles(/** @type {HTMLInputElement} */ (find("file")), sheet, takeFile);
takePhotos(takeFile);
offerCard();

find("undo").addEventListener("click", () => drawing.undo());
find("redo").addEventListener("click", () => drawing.redo());
find("clear").addEventListener("click", () => drawing.clear());
find("retry").addEventListener("click", askAgain);
takeKey(askAgain);
document.addEventListener("keydown", (event) => {
  // A dialog's keys are its own: Escape closes it.
  if (document.querySelector("dialog[open]")) return;
  const shortcut = shortcutOf(event);
  if (!shortcut) return;
  event.preventDefault();
  shortcut();
});

/** @param {KeyboardEvent} event */
function shortcutOf({ key, ctrlKey, metaKey, shiftKey }) {
  if (key === "Escape") return () => drawing.clear();
  if (!ctrlKey && !metaKey) return null;
  if (key.toLowerCase() === "z") return () => (shiftKey ? drawing.redo() : drawing.undo());
  return key.toLowerCase() === "y" ? () => drawing.redo() : null;
}

window.addEventListener("resize", repaint);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);

showNothing();
showTools();
repaint();

/** Two ways to move the pen: a pointer (mouse, finger, stylus) and the keyboard. */

import { SIDE } from "./drawing.js";

const STEP = 10;
const FINE_STEP = 2;
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("./drawing.js").Drawing} drawing
 * @param {() => number} penWidth
 */
export function drawWithPointer(canvas, drawing, penWidth) {
  const pointOf = (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = SIDE / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    drawing.putPenDown(pointOf(event), penWidth());
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    const coalesced = event.getCoalescedEvents?.() ?? [];
    drawing.movePen((coalesced.length ? coalesced : [event]).map(pointOf));
  });
  canvas.addEventListener("lostpointercapture", () => drawing.liftPen());
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("./drawing.js").Drawing} drawing
 * @param {() => number} penWidth
 * @param {(point: import("./drawing.js").Point | null) => void} showCursor null: hide it
 */
export function drawWithKeys(canvas, drawing, penWidth, showCursor) {
  const held = new Set();
  let point = { x: SIDE / 2, y: SIDE / 2 };

  const move = (step) => {
    const along = (axis) => [...held].reduce((sum, key) => sum + DIRECTIONS[key][axis], 0) * step;
    point = { x: withinSheet(point.x + along(0)), y: withinSheet(point.y + along(1)) };
    drawing.movePen([point]);
  };
  const togglePen = () =>
    drawing.isPenDown ? drawing.liftPen() : drawing.putPenDown(point, penWidth());

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in DIRECTIONS) {
      held.add(event.key);
      move(event.shiftKey ? FINE_STEP : STEP);
    } else if (event.key === " ") {
      if (!event.repeat) togglePen();
    } else {
      return;
    }
    event.preventDefault();
    showCursor(point);
  });
  canvas.addEventListener("keyup", (event) => held.delete(event.key));
  canvas.addEventListener("focus", () => {
    if (canvas.matches(":focus-visible")) showCursor(point);
  });
  canvas.addEventListener("pointerdown", () => showCursor(null));
  canvas.addEventListener("blur", () => {
    held.clear();
    drawing.liftPen();
    showCursor(null);
  });
}

function withinSheet(position) {
  return Math.min(SIDE, Math.max(0, position));
}

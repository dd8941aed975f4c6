/** The sheet of paper: what is on it, what undo takes back, how it is painted. */

/** The sheet is SIDE units wide and high, whatever its size on the screen. */
export const SIDE = 280;

/**
 * @typedef {{x: number, y: number}} Point
 * @typedef {{kind: "stroke", width: number, points: Point[]}} Stroke
 * @typedef {{kind: "image", bytes: Blob, name: string, picture: ImageBitmap | null}} Picture
 * @typedef {Stroke | Picture | {kind: "clear"}} Mark
 */

/**
 * A history of marks. Strokes add up; an image hides what came before it, and so does a clearing
 * or the first stroke on top of an image. Undo takes the last mark, so even a clearing comes back;
 * redo puts it there again, until another mark is made.
 */
export class Drawing {
  /** @type {Mark[]} */
  #marks = [];
  /** @type {Mark[]} the last undone last */
  #undone = [];
  /** @type {Stroke | null} */
  #open = null;
  #onChange;

  /** @param {(isNew: boolean) => void} onChange isNew: no longer the same digit with more ink */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  get strokes() {
    const start = this.#marks.findLastIndex((mark) => mark.kind !== "stroke") + 1;
    return /** @type {Stroke[]} */ (this.#marks.slice(start));
  }

  get image() {
    const last = this.#marks.at(-1);
    return last?.kind === "image" ? last : null;
  }

  get isEmpty() {
    return !this.image && this.strokes.length === 0;
  }

  get canUndo() {
    return this.#marks.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  get isPenDown() {
    return this.#open !== null;
  }

  /** @param {Point} point @param {number} width */
  putPenDown(point, width) {
    const isNew = this.strokes.length === 0;
    this.#open = { kind: "stroke", width, points: [point] };
    this.#add(this.#open);
    this.#onChange(isNew);
  }

  /** @param {Point[]} points */
  movePen(points) {
    if (!this.#open) return;
    this.#open.points.push(...points);
    this.#onChange(false);
  }

  liftPen() {
    this.#open = null;
  }

  /** @param {Picture} picture */
  place(picture) {
    this.#replace(() => this.#add(picture));
  }

  clear() {
    if (!this.isEmpty) this.#replace(() => this.#add({ kind: "clear" }));
  }

  undo() {
    if (this.canUndo) this.#replace(() => this.#undone.push(this.#marks.pop()));
  }

  redo() {
    if (this.canRedo) this.#replace(() => this.#marks.push(this.#undone.pop()));
  }

  /** @param {Mark} mark */
  #add(mark) {
    this.#undone = [];
    this.#marks.push(mark);
  }

  /** @param {() => void} change */
  #replace(change) {
    this.liftPen();
    change();
    this.#onChange(true);
  }
}

/**
 * Paint what is on the sheet, as large as the context's canvas is.
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
 * @param {Drawing} drawing
 * @param {string | CanvasPattern | CanvasGradient} ink
 */
export function paint(context, drawing, ink) {
  const scale = context.canvas.width / SIDE;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, SIDE, SIDE);
  context.strokeStyle = ink;
  context.lineCap = context.lineJoin = "round";
  if (drawing.image?.picture) paintPicture(context, drawing.image.picture);
  drawing.strokes.forEach((stroke) => paintStroke(context, stroke));
}

/**
 * The drawing as the service gets it: dark ink on white paper, also where the page itself is dark.
 * @param {Drawing} drawing
 * @returns {Promise<Blob>}
 */
export function toPng(drawing) {
  const context = new OffscreenCanvas(SIDE, SIDE).getContext("2d");
  paint(context, drawing, "black");
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "white";
  context.fillRect(0, 0, SIDE, SIDE);
  return context.canvas.convertToBlob({ type: "image/png" });
}

function paintPicture(context, picture) {
  const shrink = SIDE / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width * shrink, picture.height * shrink];
  context.drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
}

/** Curves through the midpoints, with the points as their handles: no corner where a hand made none. */
function paintStroke(context, { width, points }) {
  const last = points.at(-1);
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(points[0].x, points[0].y);
  for (let i = 1; i < points.length - 1; i++) {
    const [handle, next] = [points[i], points[i + 1]];
    context.quadraticCurveTo(handle.x, handle.y, (handle.x + next.x) / 2, (handle.y + next.y) / 2);
  }
  // The hundredth makes a mere touch a dot: a line of no length has no round ends everywhere.
  context.lineTo(last.x + 0.01, last.y);
  context.stroke();
}

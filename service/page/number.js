/** Shows several digits as a number: boxes over the sheet, and a row for each digit. */

import { SIDE } from "./drawing.js";
import { percent } from "./words.js";

const find = (id) => document.getElementById(id);

/**
 * @typedef {import("./prediction.js").ReadNumber} ReadNumber
 * @typedef {import("./prediction.js").ReadDigit} ReadDigit
 */

/** What stands for a digit; a question mark where none is named. @param {ReadDigit} read */
export function sign({ digit }) {
  return digit === null ? "?" : String(digit);
}

/** @param {ReadNumber | null} number null: there is no number, so the table of bars is back */
export function showNumber(number) {
  find("boxes").replaceChildren(...(number?.digits ?? []).map((read) => boxOf(read, number)));
  find("digits").tBodies[0].replaceChildren(...(number?.digits ?? []).map(rowOf));
  find("digits").hidden = !number;
  find("probabilities").hidden = Boolean(number);
  find("explanation").hidden = Boolean(number);
}

/**
 * The image lies in the middle of the sheet, its longer side as long as the sheet's.
 * @param {ReadDigit} read
 * @param {ReadNumber} number
 */
function boxOf(read, { width, height }) {
  const shrink = SIDE / Math.max(width, height);
  const share = (length) => `${((length * shrink) / SIDE) * 100}%`;
  const { box } = read;
  const element = make("div", "box");
  element.classList.toggle("is-doubtful", read.digit === null);
  element.style.left = `calc(50% - ${share(width / 2)} + ${share(box.left)})`;
  element.style.top = `calc(50% - ${share(height / 2)} + ${share(box.top)})`;
  element.style.width = share(box.width);
  element.style.height = share(box.height);
  const label = make("span", "label");
  // No model is ever certain, so rounding must not say that it is.
  const confidence = Math.min(99, Math.round(read.confidence * 100));
  label.append(make("b", "", sign(read)), ` ${confidence}%`);
  element.append(label);
  return element;
}

/** @param {ReadDigit} read */
function rowOf(read) {
  const row = make("tr", read.digit === null ? "" : "is-winner");
  const head = make("th", "", sign(read));
  head.scope = "row";
  const cell = make("td");
  cell.append(make("span", "bar"), make("span", "share", percent(read.confidence)));
  row.style.setProperty("--share", String(read.confidence));
  row.append(head, cell);
  return row;
}

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** Shows what the model reads: the digit or why there is none, the probabilities, the model. */

import { showKeyhole } from "./access.js";
import { showExplanation } from "./explanation.js";
import { showNumber, sign } from "./number.js";
import { named, percent, setText, short } from "./words.js";

// A second guess with a larger share than this is worth naming.
const CLOSE = 0.15;
// A screen reader hears an answer when it has stood for so long, not each one on the way.
const SETTLED_MS = 700;

const find = (id) => document.getElementById(id);
const section = find("reading");
const rows = [...find("probabilities").tBodies[0].rows];

/**
 * @typedef {import("./prediction.js").Answer} Answer
 * @typedef {import("./prediction.js").ReadNumber} ReadNumber
 * @typedef {object} Verdict
 * @property {string} headline
 * @property {string} remark
 * @property {string} [digit] what is read
 * @property {string} [second] what else it could be
 * @property {boolean} [isDoubtful]
 */

/**
 * @param {Answer} answer
 * @param {ReadNumber | null} number where there are several digits, and they could be read
 */
export function showAnswer(answer, number) {
  say(number?.digits.length ? verdictOnNumber(number.digits) : verdictOn(answer));
  showShares(answer.rejected === "blank" ? [] : answer.probabilities, answer.digit);
  showNumber(number?.digits.length ? number : null);
  showExplanation(answer.pixels, answer.saliency, answer.digit ?? answer.top[0]?.digit);
  showModel(answer.model);
}

export function showNothing() {
  say({ headline: "Nothing yet", remark: "The answer appears here as you draw." });
  showNothingElse();
}

/** @param {import("./prediction.js").Failure} failure */
export function showFailure({ message, isPassing, needsKey = false }) {
  say({ headline: "No answer", remark: message });
  showNothingElse();
  find("retry").hidden = !isPassing;
  showKeyhole(needsKey);
}

/** Dims an answer that is no longer about what is on the sheet. */
export function showWaiting() {
  section.setAttribute("aria-busy", "true");
  find("boxes").replaceChildren();
}

function showNothingElse() {
  showShares([]);
  showNumber(null);
  showExplanation();
}

/** @returns {Verdict} */
function verdictOn({ digit, confidence, rejected, top: [first, second] }) {
  switch (rejected) {
    case "blank":
      return { headline: "Nothing to read", remark: "There is no ink in this picture." };
    case "not_a_digit":
      return {
        headline: "Not a digit",
        remark: `This does not look like a digit. It comes closest to ${named(first.digit)}.`,
      };
    case "multiple_digits":
      return { headline: "Several digits", remark: "They could not be read one by one." };
    case "low_confidence":
      return verdictInDoubt(first, second);
  }
  const isClose = second?.probability > CLOSE;
  return {
    digit: String(digit),
    second: isClose ? `or ${second.digit}?` : "",
    headline: percent(confidence),
    remark: isClose
      ? `confidence, and ${percent(second.probability)} for ${named(second.digit)}`
      : "confidence",
  };
}

/** @returns {Verdict} */
function verdictInDoubt(first, second) {
  const isClose = second?.probability > CLOSE;
  const guess = (of) => `${named(of.digit)} (${percent(of.probability)})`;
  return {
    digit: isClose ? String(first.digit) : `${first.digit}?`,
    second: isClose ? `or ${second.digit}?` : "",
    isDoubtful: true,
    headline: "Not sure",
    remark: isClose
      ? `Perhaps ${guess(first)}, perhaps ${guess(second)}.`
      : `It is most like ${guess(first)}.`,
  };
}

/** @returns {Verdict} */
function verdictOnNumber(digits) {
  const doubtful = digits.filter(({ digit }) => digit === null).length;
  const [least] = [...digits].sort((a, b) => a.confidence - b.confidence);
  return {
    digit: digits.map(sign).join(""),
    headline: `${digits.length} digits`,
    remark: doubtful
      ? `read from left to right; ${doubtful} of them could not be told`
      : `read from left to right; least sure is the ${least.digit}, with ${percent(least.confidence)}`,
  };
}

let settling = 0;

/** @param {Verdict} verdict */
function say({ digit = "", second = "", headline, remark, isDoubtful = false }) {
  section.setAttribute("aria-busy", "false");
  find("retry").hidden = true;
  showKeyhole(false);
  find("verdict").classList.toggle("is-doubtful", isDoubtful);
  find("verdict").classList.toggle("is-number", digit.length > 2);
  setText(find("digit"), digit);
  setText(find("second"), second);
  setText(find("headline"), headline);
  setText(find("remark"), remark);
  clearTimeout(settling);
  const words = [digit, second, headline, remark].filter(Boolean).join(" ");
  settling = setTimeout(() => setText(find("announcement"), words), SETTLED_MS);
}

function showShares(probabilities, winner) {
  rows.forEach((row, digit) => {
    const share = probabilities[digit];
    row.classList.toggle("is-winner", digit === winner);
    row.style.setProperty("--share", String(share ?? 0));
    row.querySelector(".share").textContent = share === undefined ? "–" : percent(share);
  });
}

function showModel({ name, version, digest }) {
  setText(find("version"), `${name}, version ${version}`);
  setText(find("digest"), short(digest));
  find("digest").title = digest;
}

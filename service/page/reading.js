/** Shows what the model reads: the digit, the ten probabilities, the pixels, the model. */

const UNSURE_BELOW = 0.6;
const NO_DIGIT_ABOVE = 0.5;
const SHORT_DIGEST = 12;

const find = (id) => document.getElementById(id);
const section = find("reading");
const rows = [...find("probabilities").tBodies[0].rows];

/** @param {import("./prediction.js").Answer} answer */
export function showAnswer({ digit, confidence, probabilities, not_a_digit, model, pixels }) {
  if (not_a_digit > NO_DIGIT_ABOVE) {
    say("", "Not a digit", `This does not look like a digit. It comes closest to ${named(digit)}.`);
    showShares(probabilities);
  } else {
    say(String(digit), percent(confidence), remarkOn(confidence, probabilities));
    showShares(probabilities, digit);
  }
  showPixels(pixels);
  showModel(model);
}

export function showNothing() {
  say("", "Nothing yet", "The answer appears here as you draw.");
  showShares([]);
  showPixels([]);
}

/** @param {import("./prediction.js").Failure} failure */
export function showFailure({ message, isPassing }) {
  say("", "No answer", message);
  showShares([]);
  showPixels([]);
  find("retry").hidden = !isPassing;
}

/** Dims an answer that is no longer about what is on the sheet. */
export function showWaiting() {
  section.setAttribute("aria-busy", "true");
}

function say(digit, headline, remark) {
  section.setAttribute("aria-busy", "false");
  find("retry").hidden = true;
  setText(find("digit"), digit);
  setText(find("headline"), headline);
  setText(find("remark"), remark);
}

/** Leaves equal text alone, so that a screen reader does not repeat it. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function remarkOn(confidence, probabilities) {
  if (confidence >= UNSURE_BELOW) return "confidence";
  const [, second] = probabilities.map((_, digit) => digit).sort(
    (a, b) => probabilities[b] - probabilities[a],
  );
  return `confidence; it could also be ${named(second)}`;
}

function named(digit) {
  return `${digit === 8 ? "an" : "a"} ${digit}`;
}

function showShares(probabilities, winner) {
  rows.forEach((row, digit) => {
    const share = probabilities[digit];
    row.classList.toggle("is-winner", digit === winner);
    row.style.setProperty("--share", String(share ?? 0));
    row.querySelector(".share").textContent = share === undefined ? "–" : percent(share);
  });
}

function showPixels(pixels) {
  const canvas = /** @type {HTMLCanvasElement} */ (find("seen"));
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  // Without pixels the image stays transparent.
  pixels.flat().forEach((ink, i) => image.data.set([ink, ink, ink, 255], i * 4));
  context.putImageData(image, 0, 0);
  const what = pixels.length ? "your image in 28 by 28 pixels, white on black" : "nothing yet";
  canvas.setAttribute("aria-label", `What the model sees: ${what}`);
}

function showModel({ name, version, digest }) {
  setText(find("version"), `${name}, version ${version}`);
  setText(find("digest"), digest.slice(0, SHORT_DIGEST));
  find("digest").title = digest;
}

/** No model is ever certain, so rounding must not say that it is. */
function percent(share) {
  return share >= 0.9995 ? "> 99.9%" : `${(share * 100).toFixed(1)}%`;
}

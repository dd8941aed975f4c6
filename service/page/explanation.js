/** Shows what the model saw, and which places of it spoke for the digit, or against it. */

import { listed, named, setText } from "./words.js";

const REGIONS = [
  ["top left", "top", "top right"],
  ["left", "middle", "right"],
  ["bottom left", "bottom", "bottom right"],
];
// A digit fills the middle 20 of 28 pixels: a third of that is one region.
const MARGIN = 4;
const REGION_SIDE = 20 / 3;
// What is weaker than this share of the strongest is not worth a word.
const WORTH_A_WORD = 0.5;
// Ink is dimmed under the colours.
const DIM = 0.55;

const find = (id) => document.getElementById(id);

/**
 * @param {number[][] | null} [pixels] 28 rows of 28, 0..255
 * @param {number[][] | null} [saliency] 28 rows of 28, -1..1
 * @param {number} [digit] what the saliency is about
 */
export function showExplanation(pixels, saliency, digit) {
  const ink = pixels?.flat() ?? [];
  const weight = saliency?.flat() ?? [];
  paint(find("seen"), ink, (i) => [ink[i], ink[i], ink[i]]);
  paint(find("why"), weight, coloured(ink, weight));
  const what = ink.length ? "your image in 28 by 28 pixels, white on black" : "nothing yet";
  find("seen").setAttribute("aria-label", `What the model sees: ${what}`);
  const about = weight.length ? `what speaks for ${named(digit)}, and what against it` : "nothing yet";
  find("why").setAttribute("aria-label", `Why: ${about}`);
  setText(find("why-caption"), weight.length ? `Why ${named(digit)}` : "Why");
  setText(find("reasons"), weight.length ? reasons(saliency, named(digit)) : "");
}

/** Opaque colours; a canvas without values stays transparent. */
function paint(canvas, values, colour) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  values.forEach((_, i) => image.data.set([...colour(i), 255], i * 4));
  context.putImageData(image, 0, 0);
}

/** The ink in grey, and over it the two colours of the legend, the stronger the more it matters. */
function coloured(ink, weight) {
  const style = getComputedStyle(find("explanation"));
  const triplet = (name) => style.getPropertyValue(name).trim().split(/\s+/).map(Number);
  const [against, inFavour] = [triplet("--against"), triplet("--for")];
  return (i) => {
    // The root lets middling weights be seen.
    const opacity = Math.sqrt(Math.abs(weight[i]));
    const colour = weight[i] < 0 ? against : inFavour;
    return colour.map((channel) => channel * opacity + ink[i] * DIM * (1 - opacity));
  };
}

/** The picture in words. */
function reasons(saliency, what) {
  const inFavour = strongest(saliency, 1);
  const against = strongest(saliency, -1);
  if (!inFavour.length && !against.length) return "No place speaks for it or against it.";
  const isAlone = (parts) => (parts.length === 1 ? "speaks" : "speak");
  const sentences = [];
  if (inFavour.length) sentences.push(`The ${listed(inFavour)} ${isAlone(inFavour)} for ${what}`);
  if (against.length) sentences.push(`the ${listed(against)} ${isAlone(against)} against it`);
  const [first, ...rest] = sentences.join("; ");
  return `${first.toUpperCase()}${rest.join("")}.`;
}

/** The one or two regions where the weights of one sign are largest in sum. */
function strongest(saliency, sign) {
  const sums = new Map();
  saliency.forEach((row, y) =>
    row.forEach((weight, x) => {
      const region = REGIONS[third(y)][third(x)];
      sums.set(region, (sums.get(region) ?? 0) + Math.max(0, weight * sign));
    }),
  );
  const [first, second] = [...sums].sort(([, a], [, b]) => b - a);
  if (!first?.[1]) return [];
  return [first, second].filter(([, sum]) => sum > WORTH_A_WORD * first[1]).map(([name]) => name);
}

function third(position) {
  return Math.min(2, Math.max(0, Math.floor((position - MARGIN) / REGION_SIDE)));
}

/** The words for numbers: how shares, digits and digests are written. */

const SHORT_DIGEST = 12;

/** No model is ever certain, so rounding must not say that it is. @param {number} share */
export function percent(share) {
  return share >= 0.9995 ? "> 99.9%" : `${(share * 100).toFixed(1)}%`;
}

/** A digit with its article. @param {number} digit */
export function named(digit) {
  return `${digit === 8 ? "an" : "a"} ${digit}`;
}

/** @param {string} digest */
export function short(digest) {
  return digest.slice(0, SHORT_DIGEST);
}

/** "the left, the top and the middle". @param {string[]} parts */
export function listed(parts) {
  return parts.length < 2 ? parts.join() : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** Leaves equal text alone, so that a screen reader does not repeat it. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

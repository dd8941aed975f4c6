/** Asks the service, never twice at once, and always about the latest drawing. */

import { credentials } from "./access.js";

const PAUSE_MS = 60;
const PATIENCE_MS = 15_000;
const LONGEST_WAIT_S = 30;

/**
 * @typedef {{name: string, version: number, digest: string}} Model
 * @typedef {"blank" | "not_a_digit" | "low_confidence" | "multiple_digits"} Reason
 * @typedef {object} Answer
 * @property {number | null} digit
 * @property {number} confidence
 * @property {Reason | null} rejected why no digit is named
 * @property {number[]} probabilities of each digit, given that it is one
 * @property {{digit: number, probability: number}[]} top the likeliest first
 * @property {Model} model
 * @property {number[][] | null} [pixels] 28 rows of 28, 0..255, white ink on black
 * @property {number[][] | null} [saliency] 28 rows of 28, -1..1: speaks against the digit, or for it
 *
 * @typedef {{left: number, top: number, width: number, height: number}} Box
 * @typedef {{digit: number | null, confidence: number, box: Box}} ReadDigit
 * @typedef {{digits: ReadDigit[], width: number, height: number}} ReadNumber
 *
 * @typedef {object} Failure
 * @property {string} message
 * @property {boolean} isPassing asking again may help
 * @property {boolean} [needsKey] asking with an API key, or another one, will help
 * @property {number} [retryAfter_s] when the service wants to be asked again
 *
 * @typedef {{answer: Answer, number: ReadNumber | null} | {failure: Failure}} Outcome
 */

export class Predictor {
  #body;
  #onOutcome;
  #isWanted = false;
  #timer = 0;
  #notBefore = 0;
  /** @type {AbortController | null} */
  #flight = null;

  /**
   * @param {() => Promise<Blob>} body what to ask about, at the moment of asking
   * @param {(outcome: Outcome) => void} onOutcome
   */
  constructor(body, onOutcome) {
    this.#body = body;
    this.#onOutcome = onOutcome;
  }

  /** Ask soon. The timer is not put off by further ink, so that answers come while drawing. */
  ask() {
    this.#isWanted = true;
    const pause = Math.max(PAUSE_MS, this.#notBefore - performance.now());
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#send();
    }, pause);
  }

  /** Drop what is asked and what is about to be: it is about something no longer there. */
  forget() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#isWanted = false;
    this.#flight?.abort();
    this.#flight = null;
  }

  async #send() {
    if (this.#flight || !this.#isWanted) return;
    this.#isWanted = false;
    const flight = (this.#flight = new AbortController());
    const outcome = await read(this.#body, flight.signal);
    if (flight.signal.aborted) return;
    this.#flight = null;
    this.#onOutcome(outcome);
    if ("failure" in outcome && outcome.failure.retryAfter_s) {
      this.#notBefore = performance.now() + outcome.failure.retryAfter_s * 1000;
      this.ask();
    } else if (!this.#timer) {
      this.#send();
    }
  }
}

/**
 * Where there are several digits, they are read as a number before anything is shown.
 * @param {() => Promise<Blob>} bodyNow
 * @param {AbortSignal} signal
 * @returns {Promise<Outcome>}
 */
async function read(bodyNow, signal) {
  try {
    const body = await bodyNow();
    const answer = await post("predict?explain=true&top_k=2", body, signal);
    if (answer.rejected !== "multiple_digits") return { answer, number: null };
    const number = await post("read", body, signal).catch(() => null);
    return { answer, number };
  } catch (error) {
    return { failure: error instanceof Refusal ? error.failure : UNREACHABLE };
  }
}

const UNREACHABLE = { message: "The service cannot be reached just now.", isPassing: true };

class Refusal extends Error {
  /** @param {Failure} failure */
  constructor(failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * @param {string} path
 * @param {Blob} body
 * @param {AbortSignal} signal
 */
async function post(path, body, signal) {
  const response = await fetch(path, {
    method: "POST",
    headers: {
      ...credentials(),
      Accept: "application/json",
      "Content-Type": body.type || "application/octet-stream",
    },
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
  });
  // A proxy in between may answer for the service, and not in JSON.
  const content = await response.json().catch(() => null);
  if (!response.ok || !content) throw new Refusal(failureOf(response, content));
  return content;
}

/** @returns {Failure} */
function failureOf(response, content) {
  const seconds = Number(response.headers.get("Retry-After"));
  return {
    message: content?.error ?? `The service could not answer (status ${response.status}).`,
    isPassing: response.status >= 500 || response.status === 429,
    needsKey: response.status === 401,
    retryAfter_s: seconds > 0 ? Math.min(seconds, LONGEST_WAIT_S) : undefined,
  };
}

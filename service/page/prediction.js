/** Asks the service, never twice at once, and always about the latest drawing. */

const PAUSE_MS = 100;
const PATIENCE_MS = 15_000;

/**
 * @typedef {{name: string, version: number, digest: string}} Model
 * @typedef {object} Answer
 * @property {number} digit
 * @property {number} confidence
 * @property {number[]} probabilities of each digit, given that it is one
 * @property {number} [not_a_digit] probability; absent where the model does not say
 * @property {Model} model
 * @property {number[][]} pixels 28 rows of 28, 0..255, white ink on black
 *
 * @typedef {{message: string, isPassing: boolean}} Failure isPassing: asking again may help
 * @typedef {{answer: Answer} | {failure: Failure}} Outcome
 */

export class Predictor {
  #body;
  #onOutcome;
  #isWanted = false;
  #timer = 0;
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
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#send();
    }, PAUSE_MS);
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
    const outcome = await post(this.#body, flight.signal);
    if (flight.signal.aborted) return;
    this.#flight = null;
    this.#onOutcome(outcome);
    if (!this.#timer) this.#send();
  }
}

/**
 * @param {() => Promise<Blob>} bodyNow
 * @param {AbortSignal} signal
 * @returns {Promise<Outcome>}
 */
async function post(bodyNow, signal) {
  try {
    const body = await bodyNow();
    const response = await fetch("predict?explain=true", {
      method: "POST",
      headers: {
        Accept: "application/json",
        "Content-Type": body.type || "application/octet-stream",
      },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
    });
    // A proxy in between may answer for the service, and not in JSON.
    const content = await response.json().catch(() => null);
    return response.ok && content ? { answer: content } : { failure: failureOf(response, content) };
  } catch {
    return { failure: { message: "The service cannot be reached just now.", isPassing: true } };
  }
}

function failureOf(response, content) {
  return {
    message: content?.error ?? `The service could not answer (status ${response.status}).`,
    isPassing: response.status >= 500 || response.status === 429,
  };
}

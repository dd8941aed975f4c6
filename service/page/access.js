/** The API key, where the service asks for one: kept until the tab is closed, in no cookie. */

const NAME = "api-key";

const find = (id) => document.getElementById(id);
const form = /** @type {HTMLFormElement} */ (find("access"));
const input = /** @type {HTMLInputElement} */ (find("key"));

/** What to send along with each request. @returns {Record<string, string>} */
export function credentials() {
  const key = sessionStorage.getItem(NAME);
  return key ? { "X-API-Key": key } : {};
}

/**
 * A link cannot send a key: with one, what it leads to is fetched and saved.
 * @param {HTMLAnchorElement} link
 * @param {string} name of the file
 */
export function saveWithKey(link, name) {
  link.addEventListener("click", async (event) => {
    if (!sessionStorage.getItem(NAME)) return;
    event.preventDefault();
    const response = await fetch(link.href, { headers: credentials() });
    const href = URL.createObjectURL(await response.blob());
    Object.assign(document.createElement("a"), { href, download: name }).click();
    URL.revokeObjectURL(href);
  });
}

/** @param {boolean} isOn whether to ask for a key, since the service did */
export function showKeyhole(isOn) {
  form.hidden = !isOn;
}

/** @param {() => void} onKey there is a key to try */
export function takeKey(onKey) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(NAME, input.value.trim());
    input.value = "";
    onKey();
  });
}

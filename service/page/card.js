/** Shows the card of the model that answers: how good it is, and where it comes from. */

import { credentials, saveWithKey } from "./access.js";
import { short } from "./words.js";

const share = (value) => `${(value * 100).toFixed(2)}%`;

// Lists with more entries than this are set in two columns.
const LONG = 12;

// The figures that matter first: what they are called, what they mean, how they are written.
const FIGURES = {
  accuracy: ["Test accuracy", "of images never trained on", share],
  calibration_error: ["Calibration error", "how far confidence is off (ECE)", share],
  not_a_digit_auroc: ["Rejection", "digits told from other images (AUROC)", (v) => v.toFixed(3)],
};

const find = (id) => document.getElementById(id);
const dialog = /** @type {HTMLDialogElement} */ (find("card"));

export function offerCard() {
  find("about").addEventListener("click", open);
  find("card-close").addEventListener("click", () => dialog.close());
}

async function open() {
  find("card-title").textContent = "";
  find("card-body").replaceChildren();
  find("card-note").textContent = "Asking for the card …";
  dialog.showModal();
  try {
    const response = await fetch("model", { headers: credentials() });
    const content = await response.json();
    if (response.ok) show(content);
    find("card-note").textContent = response.ok ? "" : content.error;
  } catch {
    find("card-note").textContent = "The card cannot be had just now. Close this and try again.";
  }
}

function show(card) {
  find("card-title").textContent = `${card.name}, version ${card.version}`;
  find("card-body").replaceChildren(
    figures(card.metrics),
    links(card),
    part("Version", version(card)),
    part("Recipe", Object.entries(card.recipe).map(([name, value]) => [words(name), value])),
    part("Further metrics", furtherMetrics(card.metrics)),
    part("Trained with", lineage(card.lineage)),
    part("Data, by SHA-256", Object.entries(card.lineage.data).map(digested)),
    part("Files, by SHA-256", Object.entries(card.files).map(([name, file]) =>
      digested([`${name}, ${size(file.size_bytes)}`, file.digest]))),
  );
}

function figures(metrics) {
  const list = make("dl", { className: "figures" });
  for (const [name, [title, meaning, write]] of Object.entries(FIGURES)) {
    if (!(name in metrics)) continue;
    const value = make("dd", {}, write(metrics[name]), make("span", {}, meaning));
    list.append(make("div", {}, make("dt", {}, title), value));
  }
  return list;
}

function links({ files }) {
  const all = [link("model", "Card as JSON", "card.json")];
  if ("report.html" in files) all.unshift(link("model/report", "Training report", "report.html"));
  return make("p", { className: "links" }, ...all);
}

function link(href, text, fileName) {
  const element = make("a", { href, target: "_blank", rel: "noopener" }, text);
  saveWithKey(element, fileName);
  return element;
}

function version({ created_at, files, signatures, tags }) {
  const date = new Date(created_at).toLocaleString("en-GB", {
    dateStyle: "long",
    timeStyle: "short",
  });
  const keys = signatures.map((signature) => signature.key_id).join(", ");
  return [
    ["published", make("time", { dateTime: created_at }, date)],
    ["digest", code(files["model.onnx"].digest)],
    ["signed", keys ? `by ${keys}` : "no"],
    ...Object.entries(tags),
  ];
}

function furtherMetrics(metrics) {
  return Object.entries(metrics)
    .filter(([name]) => !(name in FIGURES))
    .map(([name, value]) => [words(name), Number(value.toPrecision(4))]);
}

function lineage({ seed, git_commit, git_dirty, packages, python, hardware, device }) {
  const changed = git_dirty ? ", with changes not committed" : "";
  return [
    ["seed", seed],
    ["code", git_commit ? make("span", {}, code(short(git_commit)), changed) : "unknown"],
    ["Python", python],
    ["packages", Object.entries(packages).map((each) => each.join(" ")).join(", ")],
    ["hardware", device ? `${device}, ${hardware}` : hardware],
  ];
}

function digested([name, digest]) {
  return [name, code(digest)];
}

/** A titled list; nothing where there is nothing to list. */
function part(title, entries) {
  const list = make("dl", { className: entries.length > LONG ? "entries is-long" : "entries" });
  for (const [name, value] of entries) {
    const content = value instanceof Node ? value : written(value);
    list.append(make("div", {}, make("dt", {}, name), make("dd", {}, content)));
  }
  return entries.length ? make("section", {}, make("h3", {}, title), list) : "";
}

function written(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "object" ? JSON.stringify(value) : words(String(value));
}

function words(name) {
  return name.replaceAll("_", " ");
}

function size(bytes) {
  return `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
}

function code(text) {
  return make("code", {}, text);
}

/** @param {(Node | string)[]} children */
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

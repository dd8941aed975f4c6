/** An image from elsewhere: chosen, dropped or pasted. Its bytes stay as they are. */

/**
 * @param {HTMLInputElement} input
 * @param {HTMLElement} target lights up while something is dragged over the page
 * @param {(file: File) => void} onFile
 */
export function takeFiles(input, target, onFile) {
  const take = (/** @type {FileList | undefined} */ files) => {
    if (files?.length) onFile(files[0]);
  };
  const highlight = (isOn) => target.classList.toggle("is-target", isOn);

  input.addEventListener("change", () => {
    take(input.files);
    // So that choosing the same file again is a change again.
    input.value = "";
  });
  document.addEventListener("paste", (event) => take(event.clipboardData?.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    highlight(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) highlight(false);
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    highlight(false);
    take(event.dataTransfer?.files);
  });
}

/**
 * Read the file now: one that changes on disk later would look like an unreachable service.
 * @param {File} file
 * @returns {Promise<import("./drawing.js").Picture>} rejects where the file cannot be read
 */
export async function readPicture(file) {
  const bytes = new Blob([await file.arrayBuffer()], { type: file.type });
  // No preview is no reason to refuse: the service may read what this browser cannot.
  const picture = await createImageBitmap(bytes).catch(() => null);
  return { kind: "image", bytes, name: file.name, picture };
}

/** Takes a photo: in a dialog where the browser gives the page a camera, else by the phone's own app. */

// The service looks at no more than that, and a photo of it is a few hundred kilobytes.
const LONGEST_SIDE = 1024;
const QUALITY = 0.9;

const EXCUSES = {
  NotAllowedError:
    "This page may not use the camera. Allow it beside the page's address, or choose an image.",
  NotFoundError: "No camera was found. Choose an image instead.",
  NotReadableError: "The camera is in use by another program. Close that, or choose an image.",
};
const NO_CAMERA_FOR_PAGES =
  "Browsers give pages a camera only over https. Choose an image instead.";

const find = (id) => document.getElementById(id);
const dialog = /** @type {HTMLDialogElement} */ (find("camera"));
const video = /** @type {HTMLVideoElement} */ (find("viewfinder"));

/** @param {(file: File) => void} onPhoto */
export function takePhotos(onPhoto) {
  find("photo").addEventListener("click", () => {
    if (!navigator.mediaDevices && matchMedia("(pointer: coarse)").matches) find("capture").click();
    else open();
  });
  find("capture").addEventListener("change", (event) => {
    const { files } = event.target;
    if (files.length) onPhoto(files[0]);
    event.target.value = "";
  });
  find("shutter").addEventListener("click", async () => {
    const photo = await shoot();
    dialog.close();
    onPhoto(photo);
  });
  find("camera-cancel").addEventListener("click", () => dialog.close());
  find("camera-file").addEventListener("click", () => {
    dialog.close();
    find("file").click();
  });
  dialog.addEventListener("close", stop);
  // Who looks elsewhere does not want to be seen.
  document.addEventListener("visibilitychange", () => document.hidden && dialog.close());
}

async function open() {
  say("Waiting for the camera …", { isReady: false, isFailed: false });
  dialog.showModal();
  try {
    const stream = await ask();
    if (!dialog.open) return end(stream);
    video.srcObject = stream;
    await video.play();
    say("", { isReady: true, isFailed: false });
    find("shutter").focus();
  } catch (error) {
    const excuse = EXCUSES[error.name] ?? "The camera does not answer. Choose an image instead.";
    say(navigator.mediaDevices ? excuse : NO_CAMERA_FOR_PAGES, { isReady: false, isFailed: true });
  }
}

/** @returns {Promise<MediaStream>} of the camera that looks away from whoever holds the phone */
function ask() {
  const ideal = { width: { ideal: 1280 }, height: { ideal: 1280 } };
  return navigator.mediaDevices.getUserMedia({
    audio: false,
    video: { facingMode: { ideal: "environment" }, ...ideal },
  });
}

/** What the viewfinder shows: the middle square. @returns {Promise<File>} */
async function shoot() {
  const { videoWidth: width, videoHeight: height } = video;
  const side = Math.min(width, height);
  const size = Math.min(side, LONGEST_SIDE);
  const canvas = new OffscreenCanvas(size, size);
  const [left, top] = [(width - side) / 2, (height - side) / 2];
  canvas.getContext("2d").drawImage(video, left, top, side, side, 0, 0, size, size);
  const photo = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  return new File([photo], "photo.jpg", { type: photo.type });
}

function stop() {
  if (video.srcObject) end(video.srcObject);
  video.srcObject = null;
}

function end(stream) {
  stream.getTracks().forEach((track) => track.stop());
}

function say(note, { isReady, isFailed }) {
  find("camera-note").textContent = note;
  find("shutter").hidden = !isReady;
  find("camera-file").hidden = !isFailed;
}

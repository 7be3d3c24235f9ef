// Photo input: drop, paste, file chooser, camera, or a whole folder.

import { make } from "./look/elements.js";
import { say } from "./words.js";

const SUFFIXES = /\.(jpe?g|jpe|jfif|png|webp|bmp|gif|tiff?|avif|heic|heif|hif)$/i;

export const looksLikeImage = (file) => file.type.startsWith("image/") || SUFFIXES.test(file.name);

// The path of a file relative to the given folder, or its name.
export const pathOf = (file) => file.fromFolder || file.webkitRelativePath || file.name;

// A photo input area. `take(files)` receives the files; `folder` also accepts folders, `single` only one photo.
export class Intake {
  constructor(take, { folder = false, single = false } = {}) {
    this.take = (files) => { if (files.length) take(single ? files.slice(0, 1) : files); };
    this.folder = folder;
    this.single = single;
    this.element = make("section", { className: "intake" });
    this.onPaste = (event) => this.paste(event);
    this.onDrag = (event) => this.drag(event);
    this.onDrop = (event) => this.drop(event);
    this.draw();
  }

  draw() {
    const chosen = make("input", { type: "file", accept: this.folder ? "" : "image/*", multiple: !this.single, hidden: true, className: "chosen", ariaLabel: say("choosePhotos") });
    const camera = make("input", { type: "file", accept: "image/*", capture: "environment", hidden: true, className: "camera" });
    const folder = this.folder ? make("input", { type: "file", webkitdirectory: true, hidden: true, className: "folder" }) : null;
    for (const input of [chosen, camera, folder]) {
      input?.addEventListener("change", () => { const files = [...input.files]; input.value = ""; this.take(files); });
    }
    const button = (word, input, className = "") => make("button", { type: "button", className, onclick: () => input.click() }, say(word));
    this.element.replaceChildren(
      make("p", { className: "drop-here" }, say(this.folder ? "dropFolder" : this.single ? "dropPhoto" : "dropPhotos")),
      make("div", { className: "ways" },
        button(this.single ? "choosePhoto" : "choosePhotos", chosen, "primary"),
        this.folder ? button("chooseFolder", folder) : button("takePhoto", camera, "by-camera")),
      make("p", { className: "note" }, say(this.folder ? "intakeFolderNote" : "intakeNote")),
      make("div", { hidden: true }, chosen, camera, folder));
  }

  // While the view is shown, the whole window accepts drop and paste.
  listen() {
    addEventListener("paste", this.onPaste);
    for (const name of ["dragenter", "dragover", "dragleave"]) addEventListener(name, this.onDrag);
    addEventListener("drop", this.onDrop);
  }

  unlisten() {
    removeEventListener("paste", this.onPaste);
    for (const name of ["dragenter", "dragover", "dragleave"]) removeEventListener(name, this.onDrag);
    removeEventListener("drop", this.onDrop);
  }

  paste(event) {
    const files = [...event.clipboardData?.files ?? []];
    if (!files.length || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    this.take(files);
  }

  drag(event) {
    event.preventDefault();
    const leaves = event.type === "dragleave" && event.relatedTarget === null;
    this.element.classList.toggle("over", !leaves && [...event.dataTransfer?.types ?? []].includes("Files"));
  }

  async drop(event) {
    event.preventDefault();
    this.element.classList.remove("over");
    if (document.querySelector("dialog[open]")) return;
    const files = [...event.dataTransfer.files];
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    this.take(entries.some((entry) => entry.isDirectory) ? await filesBelow(entries) : files);
  }
}

// All files of dropped folders, sorted by path.
export async function filesBelow(entries) {
  const found = [];
  for (const entry of entries) {
    if (entry.isFile) {
      const file = await new Promise((resolve) => { entry.file(resolve, () => resolve(null)); });
      if (file) found.push(Object.assign(file, { fromFolder: entry.fullPath.replace(/^\//, "") }));
    } else {
      found.push(...await filesBelow(await children(entry)));
    }
  }
  return found.sort((one, other) => pathOf(one).localeCompare(pathOf(other), "en", { numeric: true }));
}

// A folder returns its entries in chunks; the last one is empty.
async function children(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    const lot = await new Promise((resolve) => { reader.readEntries(resolve, () => resolve([])); });
    if (!lot.length) return found;
    found.push(...lot);
  }
}

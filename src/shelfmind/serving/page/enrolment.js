// The dialog to enrol photos of a product, with the findings of the gallery's guard.

import * as api from "./api.js";
import { announce, showDialog, toast, toastProblem, working } from "./dialogs.js";
import { make } from "./look/elements.js";
import { looksLikeImage } from "./intake.js";
import { serverText } from "./server_words.js";
import { me } from "./session.js";
import { say, sayMany } from "./words.js";

// Resolves to the result of the change, or null. `sku` is an existing product to add photos to.
export function enrolDialog(files, sku = "") {
  const sources = new Map();
  const release = () => { for (const source of sources.values()) URL.revokeObjectURL(source); };
  const build = (close) => new Enrolment(files, sku, sources, close).element;
  return showDialog(sku ? say("addPhotosTo", sku) : say("newProductTitle"), build, { wide: true }).finally(release);
}

class Enrolment {
  constructor(files, sku, sources, close) {
    Object.assign(this, { files: [...files], sku, sources, close });
    this.element = make("div", { className: "enrolment" });
    this.drawForm(sku);
  }

  source(file) {
    if (!this.sources.has(file)) this.sources.set(file, URL.createObjectURL(file));
    return this.sources.get(file);
  }

  drawForm(name) {
    const field = make("input", { type: "text", value: name, required: true, maxLength: 300, autocomplete: "off", spellcheck: false, placeholder: say("namePlaceholder"), readOnly: Boolean(this.sku) });
    const chosen = make("input", { type: "file", accept: "image/*", multiple: true, hidden: true, ariaLabel: say("addPhotos") });
    const photos = make("div", { className: "enrolled" });
    const send = make("button", { type: "submit", className: "primary" }, say("enrol"));
    const draw = () => {
      photos.replaceChildren(...this.files.map((file) => make("figure", {},
        make("img", { src: this.source(file), alt: say("photoNamed", file.name) }),
        this.files.length > 1 && make("button", { type: "button", className: "plain", ariaLabel: say("leaveOut", file.name), onclick: () => { this.files = this.files.filter((each) => each !== file); draw(); } }, "×"))),
      make("button", { type: "button", className: "add", onclick: () => chosen.click() }, `+ ${say("addPhotos")}`));
      send.disabled = !this.files.length;
    };
    chosen.addEventListener("change", () => { this.files.push(...[...chosen.files].filter(looksLikeImage)); chosen.value = ""; draw(); });
    const form = make("form", {},
      make("label", { className: "field" }, make("span", {}, say("productName")), field),
      photos, make("p", { className: "note" }, say("enrolNote")), chosen,
      make("div", { className: "end" }, make("button", { type: "button", className: "cancel", onclick: () => this.close() }, say("cancel")), send));
    form.addEventListener("submit", (event) => { event.preventDefault(); this.name = field.value.trim(); working(send, () => this.send(true))(); });
    draw();
    this.element.replaceChildren(form);
    queueMicrotask(() => field.focus());
  }

  async send(strict) {
    if (!this.name) return;
    try {
      const change = await api.enrol(this.name, this.files, strict);
      this.done(change);
    } catch (error) {
      if (error.kind === "findings") this.drawFindings(error.more);
      else throw error;
    }
  }

  done(change) {
    me.model.gallery = change.gallery;
    this.close(change);
    if (change.version === null) toast(say("enrolledAlready", this.name));
    else toastChange(change);
  }

  // The guard's findings, with the photos side by side, for the user to decide on.
  drawFindings({ findings = [], warnings = [] }) {
    const anyway = make("button", { type: "button", className: "primary anyway" }, say("enrolAnyway"));
    anyway.addEventListener("click", working(anyway, () => this.send(false)));
    const heading = make("h3", { tabIndex: -1 }, sayMany("guardFound", findings.length || warnings.length));
    this.element.replaceChildren(heading,
      make("p", { className: "note" }, say("nothingEnrolledYet", this.name)),
      findings.length ? make("ul", { className: "findings" }, findings.map((each) => this.finding(each))) : make("ul", {}, warnings.map((each) => make("li", {}, serverText(each)))),
      make("div", { className: "end" },
        make("button", { type: "button", className: "cancel", onclick: () => this.close() }, say("cancel")),
        make("button", { type: "button", onclick: () => this.drawForm(this.name) }, say("back")), anyway));
    heading.focus();
    announce(findings.map((each) => serverText(each.sentence)).join(" "));
  }

  finding({ sentence, product, other, photos, others }) {
    const side = (title, name, found) => make("div", { className: "side" }, make("h4", {}, title), make("p", { className: "name" }, name),
      make("div", { className: "pictures" }, found.slice(0, 3).map((each) => this.photo(each, name))));
    return make("li", {}, make("p", {}, serverText(sentence)),
      make("div", { className: "sides" }, side(say("yourPhotos"), product, photos),
        other === null ? null : others.length ? side(say("inGallery"), other, others) : make("div", { className: "side" }, make("h4", {}, say("trainedClass")), make("p", { className: "name" }, other), make("p", { className: "note" }, say("noPhotoOfClass")))));
  }

  // A photo of the gallery, or one of those to be enrolled.
  photo({ photo, sha256 }, name) {
    const own = this.files.find((file) => file.name.split(/[/\\]/).at(-1) === photo);
    return make("img", { src: own ? this.source(own) : api.photo(sha256, 256), alt: say("photoOf", name), title: photo });
  }
}

// Report a change of the gallery and offer to undo it.
export function toastChange(change, after = () => {}) {
  announce(serverText(change.detail));
  toast(`${serverText(change.detail)}${change.warnings.length ? ` · ${change.warnings.map(serverText).join("; ")}` : ""}`, { instead: "change", action: say("undo"), run: () => undoChange(change).then(after) });
}

// Restore the version before a change, unless the gallery has been changed since.
export async function undoChange(change) {
  try {
    const now = await api.gallery();
    if (now.version !== change.version) {
      toast(say("changedSince"), { bad: true, action: say("history"), run: () => { location.hash = "#history"; } });
      return;
    }
    const back = await api.rollBack(change.version - 1);
    me.model.gallery = back.gallery;
    announce(say("takenBack"));
    toast(say("takenBack"));
    api.events.dispatchEvent(new Event("gallery-changed"));
  } catch (error) {
    toastProblem(error);
  }
}


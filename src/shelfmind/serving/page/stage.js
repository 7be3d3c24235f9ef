// A photo with boxes that can be drawn, moved and resized by mouse, touch and keyboard.

import { beside, MIN_SIDE, moved, ofCorners, resized } from "./boxes.js";
import { make } from "./look/elements.js";
import { say } from "./words.js";

const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const MIN_DRAWN = 10;  // screen pixels; less is a click
const STEP = 0.01;  // fraction of the photo's longer side
const ZOOMS = [1, 1.5, 2, 3, 4, 6];

// `on`: {added(box), changed(box), removed(box), chosen(box | null), opened(box)}; `tag(box)` is {text, state}.
export class Stage {
  constructor(on, tag) {
    Object.assign(this, { on, tag, boxes: [], chosen: null, zoom: 0, drawing: true, gesture: null });
    this.image = make("img", { alt: "", draggable: false });
    this.layer = make("div", { className: "layer" });
    this.stage = make("div", { className: "stage drawing", role: "group" }, this.image, this.layer);
    this.element = make("div", { className: "stage-scroll", tabIndex: -1 }, this.stage);
    this.stage.addEventListener("pointerdown", (event) => this.down(event));
    this.stage.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) this.stage.addEventListener(name, (event) => this.up(event));
    this.stage.addEventListener("keydown", (event) => this.key(event));
    this.stage.addEventListener("focusin", (event) => { const box = this.boxOf(event.target); if (box && !this.restoring) this.choose(box); });
  }

  get photo() { return { width: this.image.naturalWidth, height: this.image.naturalHeight }; }

  // Show a photo. Rejects if the browser cannot decode it.
  async open(source, name) {
    this.image.src = source;
    this.image.alt = say("photoNamed", name);
    await this.image.decode();
    this.setZoom(0);
  }

  setZoom(zoom) {
    const middle = { x: this.element.scrollLeft + this.element.clientWidth / 2, y: this.element.scrollTop + this.element.clientHeight / 2 };
    const before = ZOOMS[this.zoom];
    this.zoom = Math.max(0, Math.min(zoom, ZOOMS.length - 1));
    this.stage.style.width = `${100 * ZOOMS[this.zoom]}%`;
    const ratio = ZOOMS[this.zoom] / before;
    this.element.scrollTo(middle.x * ratio - this.element.clientWidth / 2, middle.y * ratio - this.element.clientHeight / 2);
  }

  // Whether touch and mouse draw boxes or pan the view.
  setDrawing(drawing) {
    this.drawing = drawing;
    this.stage.classList.toggle("drawing", drawing);
  }

  draw() {
    this.stage.ariaLabel = say("boxesOnPhoto", this.boxes.length);
    const focused = this.boxOf(document.activeElement);
    this.layer.replaceChildren(...this.boxes.map((box, place) => this.built(box, place)));
    this.restoring = true;  // restoring the focus is not a selection
    if (focused) this.elementOf(focused)?.focus({ preventScroll: true });
    this.restoring = false;
  }

  built(box, place) {
    const { text, state } = this.tag(box);
    const isChosen = box === this.chosen;
    const element = make("div", { className: `box ${state}${isChosen ? " chosen" : ""}`, tabIndex: 0, role: "button", "aria-pressed": String(isChosen), ariaLabel: say("boxNamed", place + 1, text), "aria-keyshortcuts": "ArrowLeft ArrowRight ArrowUp ArrowDown Delete D Enter" },
      make("span", { className: "tag", "aria-hidden": "true" }, text),
      isChosen ? HANDLES.map((handle) => make("i", { className: `handle ${handle}`, "data-handle": handle })) : null);
    element.dataset.number = box.number;
    this.place(element, box);
    return element;
  }

  place(element, box) {
    const { width, height } = this.photo;
    element.style.left = `${100 * box.x / width}%`;
    element.style.top = `${100 * box.y / height}%`;
    element.style.width = `${100 * box.width / width}%`;
    element.style.height = `${100 * box.height / height}%`;
  }

  boxOf(target) {
    const number = target?.closest?.(".box")?.dataset.number;
    return this.boxes.find((box) => String(box.number) === number) ?? null;
  }

  elementOf(box) { return this.layer.querySelector(`[data-number="${box.number}"]`); }

  choose(box) {
    if (box === this.chosen) return;
    this.chosen = box;
    this.draw();
    this.on.chosen(box);
  }

  add(box) {
    this.boxes.push(box);
    this.chosen = box;
    this.draw();
    this.on.chosen(box);
    this.on.added(box);
  }

  // Add a box in the middle of the view, for users who do not draw.
  addInMiddle() {
    const scale = this.scale();
    const side = { width: 0.18 * this.photo.width / ZOOMS[this.zoom], height: 0.25 * this.photo.height / ZOOMS[this.zoom] };
    const x = (this.element.scrollLeft + this.element.clientWidth / 2) * scale - side.width / 2;
    const y = (this.element.scrollTop + Math.min(this.element.clientHeight, this.stage.clientHeight) / 2) * scale - side.height / 2;
    const last = this.chosen ?? this.boxes.at(-1);
    const box = last ? beside(last, this.photo) : moved({ x, y, ...side }, 0, 0, this.photo);
    this.add({ x: box.x, y: box.y, width: box.width, height: box.height, number: this.on.number() });
    this.elementOf(this.chosen).focus();
  }

  remove(box) {
    const place = this.boxes.indexOf(box);
    this.boxes.splice(place, 1);
    if (this.chosen === box) this.chosen = null;
    this.draw();
    this.on.removed(box);
    const next = this.boxes[Math.min(place, this.boxes.length - 1)];
    if (next) this.elementOf(next).focus();
    else this.on.chosen(null);
  }

  change(box, values) {
    Object.assign(box, values);
    this.place(this.elementOf(box), box);
  }

  // Photo pixels per screen pixel.
  scale() { return this.photo.width / this.stage.clientWidth; }

  pointOf(event) {
    const seen = this.stage.getBoundingClientRect();
    return { x: (event.clientX - seen.left) * this.scale(), y: (event.clientY - seen.top) * this.scale() };
  }

  down(event) {
    if (event.button !== 0) return;
    if (this.gesture) return this.giveUp();  // a second finger: a pinch
    const box = this.boxOf(event.target);
    if (!box && !this.drawing) return;
    if (event.pointerType !== "touch" || this.drawing) event.preventDefault();
    this.stage.setPointerCapture(event.pointerId);
    const handle = event.target.dataset?.handle ?? null;
    this.gesture = { pointer: event.pointerId, from: this.pointOf(event), box, handle, before: box && { ...box }, drawn: null };
    if (box) {
      this.choose(box);
      this.elementOf(box).focus({ preventScroll: true });
    }
    return undefined;
  }

  move(event) {
    const { gesture } = this;
    if (!gesture || event.pointerId !== gesture.pointer) return;
    const now = this.pointOf(event);
    const [dx, dy] = [now.x - gesture.from.x, now.y - gesture.from.y];
    if (gesture.box) {
      const { x, y, width, height } = gesture.handle ? resized(gesture.before, gesture.handle, dx, dy, this.photo) : moved(gesture.before, dx, dy, this.photo);
      this.change(gesture.box, { x, y, width, height });
    } else {
      gesture.drawn ??= this.layer.appendChild(make("div", { className: "box new" }));
      gesture.corners = ofCorners(gesture.from, now, this.photo);
      this.place(gesture.drawn, gesture.corners);
    }
  }

  up(event) {
    const { gesture } = this;
    if (!gesture || event.pointerId !== gesture.pointer) return;
    this.gesture = null;
    gesture.drawn?.remove();
    if (event.type === "pointercancel") return this.restore(gesture);
    if (gesture.box) {
      if (["x", "y", "width", "height"].some((side) => gesture.box[side] !== gesture.before[side])) this.on.changed(gesture.box);
    } else if (gesture.corners && Math.min(gesture.corners.width, gesture.corners.height) >= Math.max(MIN_SIDE, MIN_DRAWN * this.scale())) {
      this.add({ ...gesture.corners, number: this.on.number() });
      this.elementOf(this.chosen).focus({ preventScroll: true });
    } else if (!gesture.corners || gesture.corners.width + gesture.corners.height < MIN_DRAWN * this.scale()) {
      this.choose(null);
    }
    return undefined;
  }

  giveUp() {
    const { gesture } = this;
    this.gesture = null;
    gesture.drawn?.remove();
    this.restore(gesture);
  }

  restore({ box, before }) {
    if (box) this.change(box, before);
  }

  key(event) {
    const box = this.boxOf(event.target);
    if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = Math.max(1, STEP * Math.max(this.photo.width, this.photo.height));
    if (event.key in ARROWS) {
      const [dx, dy] = ARROWS[event.key].map((each) => each * step);
      const { x, y, width, height } = event.shiftKey ? resized(box, "se", dx, dy, this.photo) : moved(box, dx, dy, this.photo);
      this.change(box, { x, y, width, height });
      this.on.changed(box);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.remove(box);
    } else if (event.key === "d" || event.key === "D") {
      this.duplicate(box);
    } else if (event.key === "Enter" || event.key === " ") {
      this.on.opened(box);
    } else if (event.key === "Escape") {
      this.choose(null);
    } else {
      return;
    }
    event.preventDefault();
  }

  duplicate(box) {
    const { x, y, width, height } = beside(box, this.photo);
    this.add({ x, y, width, height, number: this.on.number() });
    this.elementOf(this.chosen).focus({ preventScroll: true });
  }
}

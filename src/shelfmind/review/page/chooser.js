// The dialog that finds a class among thousands: the suggestion first, then what was used before, then all others.

import { photo } from "./card.js";
import { make } from "./look/elements.js";
import { examples } from "./server.js";
import { say } from "./words.js";

const MOST_SHOWN = 80;
const MOST_RECENT = 5;
const plain = (text) => text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();

export class Chooser {
  constructor(dialog) {
    this.dialog = dialog;
    this.query = dialog.querySelector("#query");
    this.list = dialog.querySelector("#choices");
    this.pictures = dialog.querySelector("#choice-pictures");
    this.count = dialog.querySelector("#choice-count");
    this.recent = [];
    this.known = new Map();  // class number -> images
    this.query.addEventListener("input", () => { this.place = 0; this.draw(); });
    this.query.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("click", (event) => {
      const item = event.target.closest("li");
      if (item) this.take(Number(item.dataset.place));
    });
    dialog.addEventListener("close", () => this.done?.(null));
  }

  // Asks for a class; resolves to its name, or to null when the reviewer changes their mind.
  open(classes, given, suggested) {
    this.classes = classes;
    this.ofServer ??= classes.length;  // classes that the page has added since have no examples
    this.normal = classes.map(plain);
    this.given = given;
    const sorted = classes.map((name, number) => number).sort((one, other) => classes[one].localeCompare(classes[other], "zh-CN"));
    const first = [...new Set([suggested, ...this.recent])].filter((name) => name !== null && classes.includes(name)).map((name) => classes.indexOf(name));
    this.ordered = [...new Set([...first, ...sorted])].filter((number) => classes[number] !== given);
    this.suggested = suggested;
    this.query.value = "";
    this.query.placeholder = this.query.ariaLabel = say("searchClass");
    this.dialog.querySelector("#chooser-given").textContent = given;
    this.place = 0;
    this.dialog.showModal();
    this.draw();
    this.query.focus();
    return new Promise((resolve) => {
      this.done = (name) => {
        this.done = null;
        resolve(name);
      };
    });
  }

  key(event) {
    if (event.isComposing) return;  // Enter belongs to the input method
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (event.key in moves) {
      this.place = Math.max(0, Math.min(this.place + moves[event.key], this.items.length - 1));
      this.mark();
    } else if (event.key === "Enter") {
      this.take(this.place);
    } else {
      return;
    }
    event.preventDefault();
  }

  take(place) {
    const item = this.items[place];
    if (!item) return;
    this.recent = [item.name, ...this.recent.filter((name) => name !== item.name)].slice(0, MOST_RECENT);
    this.done?.(item.name);
    this.dialog.close();
  }

  draw() {
    const parts = plain(this.query.value).split(" ").filter(Boolean);
    const fitting = this.ordered.filter((number) => parts.every((part) => this.normal[number].includes(part)));
    this.items = fitting.slice(0, MOST_SHOWN).map((number) => ({ number, name: this.classes[number] }));
    const typed = this.query.value.trim();
    if (typed && !this.normal.includes(plain(typed))) this.items.push({ number: null, name: typed });
    this.list.replaceChildren(...this.items.map(({ number, name }, place) => {
      const note = number === null ? null : name === this.suggested ? say("suggestion") : this.recent.includes(name) ? say("recent") : null;
      const item = make("li", { id: `choice-${place}`, role: "option" }, number === null ? say("newClass", name) : name, note && make("small", {}, note));
      item.dataset.place = place;
      return item;
    }));
    this.count.textContent = say(fitting.length > MOST_SHOWN ? "moreClasses" : "classes", fitting.length);
    this.place = Math.min(this.place, Math.max(0, this.items.length - 1));
    this.mark();
  }

  mark() {
    for (const item of this.list.children) {
      const chosen = Number(item.dataset.place) === this.place;
      item.ariaSelected = String(chosen);
      if (chosen) item.scrollIntoView({ block: "nearest" });
    }
    this.query.setAttribute("aria-activedescendant", this.items.length ? `choice-${this.place}` : "");
    this.showExamples(this.items[this.place]?.number ?? null);
  }

  async showExamples(number) {
    if (number !== null && !this.known.has(number)) {
      this.known.set(number, number < this.ofServer ? await examples(number).catch(() => []) : []);
    }
    if ((this.items[this.place]?.number ?? null) !== number) return;  // the reviewer has gone on
    const images = number === null ? [] : this.known.get(number);
    this.pictures.replaceChildren(...images.map((image) => photo(image, "small", "")));
  }
}

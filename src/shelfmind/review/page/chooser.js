// The dialog to choose one of thousands of classes: the suggestion first, then recently used classes, then all others.

import { photo } from "./card.js";
import { make } from "./look/elements.js";
import { Listbox, plain } from "./look/listbox.js";
import { examples } from "./server.js";
import { say } from "./words.js";

const MAX_SHOWN = 80;
const MAX_RECENT = 5;

export class Chooser {
  constructor(dialog) {
    this.dialog = dialog;
    this.query = dialog.querySelector("#query");
    this.choices = new Listbox(this.query, dialog.querySelector("#choices"), { take: (item) => this.take(item), onMark: (item) => this.showExamples(item?.number ?? null) });
    this.pictures = dialog.querySelector("#choice-pictures");
    this.count = dialog.querySelector("#choice-count");
    this.recent = [];
    this.known = new Map();  // class number -> images
    this.query.addEventListener("input", () => { this.choices.place = 0; this.draw(); });
    dialog.addEventListener("close", () => this.done?.(null));
  }

  // Ask for a class. Resolves to its name, or to null if the reviewer cancels.
  open(classes, given, suggested) {
    this.classes = classes;
    this.ofServer ??= classes.length;  // classes added on the page have no examples
    this.normal = classes.map(plain);
    this.given = given;
    const sorted = classes.map((name, number) => number).sort((one, other) => classes[one].localeCompare(classes[other], "zh-CN"));
    const first = [...new Set([suggested, ...this.recent])].filter((name) => name !== null && classes.includes(name)).map((name) => classes.indexOf(name));
    this.ordered = [...new Set([...first, ...sorted])].filter((number) => classes[number] !== given);
    this.suggested = suggested;
    this.query.value = "";
    this.query.placeholder = this.query.ariaLabel = say("searchClass");
    this.dialog.querySelector("#chooser-given").textContent = given;
    this.choices.place = 0;
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

  take(item) {
    this.recent = [item.name, ...this.recent.filter((name) => name !== item.name)].slice(0, MAX_RECENT);
    this.done?.(item.name);
    this.dialog.close();
  }

  draw() {
    const parts = plain(this.query.value).split(" ").filter(Boolean);
    const fitting = this.ordered.filter((number) => parts.every((part) => this.normal[number].includes(part)));
    const items = fitting.slice(0, MAX_SHOWN).map((number) => ({ number, name: this.classes[number] }));
    const typed = this.query.value.trim();
    if (typed && !this.normal.includes(plain(typed))) items.push({ number: null, name: typed });
    this.choices.show(items, ({ number, name }) => {
      const note = number === null ? null : name === this.suggested ? say("suggestion") : this.recent.includes(name) ? say("recent") : null;
      return [number === null ? say("newClass", name) : name, note && make("small", {}, note)];
    });
    this.count.textContent = say(fitting.length > MAX_SHOWN ? "moreClasses" : "classes", fitting.length);
  }

  async showExamples(number) {
    if (number !== null && !this.known.has(number)) {
      this.known.set(number, number < this.ofServer ? await examples(number).catch(() => []) : []);
    }
    if ((this.choices.marked?.number ?? null) !== number) return;  // the reviewer has moved on
    const images = number === null ? [] : this.known.get(number);
    this.pictures.replaceChildren(...images.map((image) => photo(image, "small", "")));
  }
}

// A search field with a list of results (a WAI-ARIA combobox): arrow keys move the highlight, Enter or a click selects.

import { make } from "./elements.js";

// Normalises text for comparison: case, character width and whitespace.
export const plain = (text) => text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();

const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };

export class Listbox {
  // `take` receives the chosen item; `enter` overrides what Enter does; `onMark` is called when the highlight moves.
  constructor(query, list, { take, enter = () => this.marked && take(this.marked), onMark = () => {} }) {
    Object.assign(this, { query, list, enter, onMark, items: [], place: 0 });
    query.addEventListener("keydown", (event) => this.key(event));
    list.addEventListener("click", (event) => {
      const item = event.target.closest("li");
      if (item) take(this.items[Number(item.dataset.place)]);
    });
  }

  get marked() {
    return this.items[this.place] ?? null;
  }

  // Shows items, each rendered by `parts`; the highlight keeps its position.
  show(items, parts) {
    this.items = items;
    this.place = Math.max(0, Math.min(this.place, items.length - 1));
    this.list.replaceChildren(...items.map((item, place) => {
      const element = make("li", { id: `${this.list.id}-${place}`, role: "option" }, ...parts(item));
      element.dataset.place = place;
      return element;
    }));
    this.mark();
  }

  key(event) {
    if (event.isComposing) return;  // Enter belongs to the input method
    if (event.key in MOVES) {
      this.place = Math.max(0, Math.min(this.place + MOVES[event.key], this.items.length - 1));
      this.mark();
    } else if (event.key === "Enter") {
      this.enter();
    } else {
      return;
    }
    event.preventDefault();
  }

  mark() {
    for (const item of this.list.children) {
      const chosen = Number(item.dataset.place) === this.place;
      item.ariaSelected = String(chosen);
      if (chosen) item.scrollIntoView({ block: "nearest" });
    }
    if (this.marked) this.query.setAttribute("aria-activedescendant", `${this.list.id}-${this.place}`);
    else this.query.removeAttribute("aria-activedescendant");
    this.onMark(this.marked);
  }
}

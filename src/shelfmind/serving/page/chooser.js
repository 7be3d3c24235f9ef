// The dialog to choose a product: likely ones first, then trained classes and the gallery, or a new name.

import * as api from "./api.js";
import { showDialog } from "./dialogs.js";
import { make } from "./look/elements.js";
import { Listbox, plain } from "./look/listbox.js";
import { hasGallery, me } from "./session.js";
import { say, sayMany } from "./words.js";

const MAX_SHOWN = 60;
const ASK_AFTER_MS = 120;

// Ask for a product. Resolves to its name, or to null. `likely` products come first, `others` are further [value, name]
// options, `without` is excluded, `fresh` allows new names, `trained` includes the model's classes.
export function chooseProduct(title, { likely = [], others = [], without = null, fresh = true, trained = true } = {}) {
  return showDialog(title, (close) => {
    const search = new Search(close, { likely, without, fresh, trained });
    queueMicrotask(() => search.query.focus());
    return [search.query, search.list, search.count,
      make("div", { className: "end" },
        others.map(([value, name]) => make("button", { type: "button", className: "other", onclick: () => close(value) }, name)),
        make("button", { type: "button", className: "cancel", onclick: () => close() }, say("cancel")))];
  });
}

class Search {
  constructor(close, options) {
    Object.assign(this, { close, ...options, round: 0 });
    this.list = make("ul", { className: "choices products", id: "products", role: "listbox", ariaLabel: say("products") });
    this.count = make("p", { className: "note", role: "status" });
    this.query = make("input", { type: "text", className: "query", role: "combobox", "aria-expanded": "true", "aria-controls": "products", "aria-autocomplete": "list", autocomplete: "off", spellcheck: false, maxLength: 300, placeholder: say(options.fresh ? "searchOrNew" : "search"), ariaLabel: say(options.fresh ? "searchOrNew" : "search") });
    this.query.addEventListener("input", () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.search(), ASK_AFTER_MS); });
    this.choices = new Listbox(this.query, this.list, { take: (item) => close(item.name), enter: () => this.take() });
    this.search();
  }

  search() {
    clearTimeout(this.timer);
    this.timer = null;
    this.searching = this.find();
    return this.searching;
  }

  // Take the marked item. If a name was typed faster than the search, wait for its result.
  async take() {
    await (this.timer ? this.search() : this.searching);
    if (this.choices.marked) this.close(this.choices.marked.name);
  }

  async find() {
    const round = (this.round += 1);
    const typed = this.query.value.trim();
    const wanted = plain(typed);
    const found = new Map();
    const put = (name, note, cover = null) => {
      if (name !== this.without && plain(name).includes(wanted) && !found.get(name)?.cover) found.set(name, { name, note: found.get(name)?.note ?? note, cover });
    };
    for (const name of this.likely) put(name, say("likely"));
    let total = 0;
    if (hasGallery()) {
      const page = await api.skus(typed, null, MAX_SHOWN).catch(() => ({ skus: [], total: 0 }));
      if (round !== this.round) return;
      total += page.total;
      for (const { sku, cover } of page.skus) put(sku, say("fromGallery"), cover);
    }
    if (this.trained) {
      const fitting = me.model.class_names.filter((name) => plain(name).includes(wanted));
      total += fitting.length;
      for (const name of fitting.slice(0, MAX_SHOWN)) put(name, say("fromTraining"));
    }
    const isTyped = ({ name }) => plain(name) === wanted;  // first, so that Enter takes it
    const items = [...found.values()].sort((one, other) => isTyped(other) - isTyped(one)).slice(0, MAX_SHOWN);
    const known = items.some(isTyped);
    if (typed && this.fresh && !known) items.push({ name: typed, isNew: true });
    this.choices.place = 0;
    this.choices.show(items, (item) => [
      item.cover ? make("img", { src: api.photo(item.cover, 64), alt: "", loading: "lazy" }) : make("span", { className: "no-cover" }),
      make("span", { className: "name" }, item.isNew ? say("newName", item.name) : item.name), item.note && make("small", {}, item.note)]);
    this.count.textContent = total > MAX_SHOWN ? say("moreProducts", total) : sayMany("productsFound", items.filter((item) => !item.isNew).length);
  }
}

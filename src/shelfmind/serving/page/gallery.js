// The gallery view: browse enrolled products.

import * as api from "./api.js";
import { enrolDialog } from "./enrolment.js";
import { make } from "./look/elements.js";
import { problemText } from "./server_words.js";
import { hasGallery, may, me } from "./session.js";
import { count, say, sayMany } from "./words.js";

const ASK_AFTER_MS = 150;

export function galleryView() {
  const grid = make("ul", { className: "tiles" });
  const found = make("p", { className: "note", role: "status" });
  const more = make("button", { type: "button", className: "more", hidden: true, onclick: () => load(true) }, say("more"));
  const search = make("input", { type: "search", id: "find-product", placeholder: say("searchGallery"), ariaLabel: say("searchGallery"), autocomplete: "off", spellcheck: false });
  let next = null;
  let round = 0;
  let timer = null;
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => load(), ASK_AFTER_MS); });

  async function load(further = false) {
    const now = (round += 1);
    try {
      const page = await api.skus(search.value.trim(), further ? next : null);
      if (now !== round) return;
      const tiles = page.skus.map(tile);
      if (further) grid.append(...tiles);
      else grid.replaceChildren(...tiles);
      if (further) tiles[0]?.querySelector("a").focus();
      next = page.next;
      more.hidden = next === null;
      const wanted = search.value.trim();
      found.textContent = page.total ? (wanted ? sayMany("productsFound", page.total) : "") : wanted ? say("noSuchProduct", wanted) : say("emptyGallery");
    } catch (error) {
      found.textContent = problemText(error);
    }
  }

  async function enrol() {
    if (await enrolDialog([])) { describe(); load(); }
  }

  const facts = make("p", { className: "note facts" });
  const describe = () => {
    const { version, products, photos } = me.model.gallery;
    facts.textContent = say("galleryFacts", count(products), count(photos), String(version));
  };
  const element = make("div", { className: "place gallery" });
  if (!hasGallery()) {
    element.append(make("h1", {}, say("gallery")), make("p", { className: "empty" }, say("noGallery")));
  } else {
    element.append(make("h1", {}, say("gallery")), facts,
      make("div", { className: "bar" }, search,
        make("a", { className: "button", href: "#history" }, say("history")),
        may("write") ? make("button", { type: "button", className: "primary", onclick: enrol }, say("newProduct")) : null),
      found, grid, more);
    describe();
    load();
    api.gallery().then((now) => { me.model.gallery = now; describe(); }).catch(() => {});
  }
  return { element, get title() { return say("gallery"); } };
}

function tile({ sku, photos, cover }) {
  return make("li", {}, make("a", { href: `#product/${encodeURIComponent(sku)}`, className: "tile" },
    make("img", { src: api.photo(cover, 256), alt: "", loading: "lazy", decoding: "async" }),
    make("span", { className: "name" }, sku), make("small", {}, sayMany("photos", photos))));
}

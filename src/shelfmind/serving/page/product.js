// One product of the gallery: its photos and actions.

import * as api from "./api.js";
import { chooseProduct } from "./chooser.js";
import { askText, confirmed, enlarge, toastProblem, working } from "./dialogs.js";
import { enrolDialog, toastChange } from "./enrolment.js";
import { make } from "./look/elements.js";
import { problemText } from "./server_words.js";
import { may, me } from "./session.js";
import { say, sayMany } from "./words.js";

export function productView(sku) {
  const photos = make("ul", { className: "tiles photos" });
  const note = make("p", { className: "note", role: "status" }, say("loading"));
  const tools = make("div", { className: "bar" });
  const element = make("div", { className: "place product" },
    make("p", { className: "back" }, make("a", { href: "#gallery" }, `← ${say("gallery")}`)),
    make("h1", {}, sku), note, tools, photos);

  async function load() {
    try {
      const found = await api.product(sku);
      note.textContent = sayMany("photos", found.photos.length);
      photos.replaceChildren(...found.photos.map((each) => tile(each, found.photos.length)));
      tools.hidden = !may("write");
    } catch (error) {
      note.textContent = problemText(error);
      photos.replaceChildren();
      tools.hidden = true;
    }
  }

  function tile({ photo, sha256 }, total) {
    const image = make("img", { src: api.photo(sha256, 256), alt: say("photoNamed", photo), loading: "lazy", decoding: "async" });
    const remove = make("button", { type: "button", className: "plain", ariaLabel: say("removePhoto", photo), title: say("removePhotoShort") }, "×");
    remove.addEventListener("click", working(remove, async () => {
      if (total === 1) await removeAll();
      else changed(await api.remove(sku, sha256));
    }));
    return make("li", {}, make("button", { type: "button", className: "picture", ariaLabel: say("enlarge", photo), onclick: () => enlarge(api.photo(sha256, 1024), photo) }, image),
      make("small", { title: photo }, photo), may("write") ? remove : null);
  }

  // After a change: update the gallery's counts, and show this page, or that of the renamed product.
  function changed(change, name = sku) {
    me.model.gallery = change.gallery;
    toastChange(change, () => { location.hash = here; });
    if (name === sku) load();
    else location.hash = name === null ? "#gallery" : `#product/${encodeURIComponent(name)}`;
  }
  const here = location.hash;

  async function rename() {
    const name = await askText(say("rename"), say("newNameOf", sku), sku, say("rename"));
    if (name !== null && name !== sku) changed(await api.rename(sku, name), name);
  }

  async function mergeInto() {
    const into = await chooseProduct(say("mergeTitle", sku), { without: sku, fresh: false, trained: false });
    if (into === null) return;
    if (await confirmed(say("merge"), say("mergeNote", sku, into), say("merge"), "primary")) changed(await api.merge([sku], into), into);
  }

  async function removeAll() {
    if (await confirmed(say("remove"), say("removeNote", sku), say("remove"))) changed(await api.remove(sku), null);
  }

  async function add() {
    if (await enrolDialog([], sku)) load();
  }

  for (const [word, run, className] of [["addPhotos", add, "primary"], ["rename", rename, ""], ["mergeEllipsis", mergeInto, ""], ["remove", removeAll, "danger"]]) {
    const button = make("button", { type: "button", className }, say(word));
    button.addEventListener("click", () => { run().catch(toastProblem); });
    tools.append(button);
  }
  load();
  return { element, title: sku };
}

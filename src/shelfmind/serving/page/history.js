// The history of the gallery, with restore.

import * as api from "./api.js";
import { confirmed, working } from "./dialogs.js";
import { toastChange } from "./enrolment.js";
import { make } from "./look/elements.js";
import { problemText, serverText } from "./server_words.js";
import { hasGallery, may, me } from "./session.js";
import { say, when } from "./words.js";

export function historyView() {
  const list = make("ol", { className: "history" });
  const note = make("p", { className: "note", role: "status" });
  const more = make("button", { type: "button", className: "more", hidden: true, onclick: () => load(next) }, say("more"));
  let next = null;

  async function load(before = null) {
    note.textContent = before === null ? say("loading") : "";
    try {
      const [page, now] = await Promise.all([api.history(before), api.gallery()]);
      me.model.gallery = now;
      const lines = page.changes.map((each) => line(each, now));
      if (before === null) list.replaceChildren(...lines);
      else list.append(...lines);
      next = page.next;
      more.hidden = next === null;
      note.textContent = say("historyNote");
    } catch (error) {
      note.textContent = hasGallery() ? problemText(error) : say("noGallery");
    }
  }

  function line({ version, time, author, reason, detail }, now) {
    const isNow = version === now.version;
    const back = make("button", { type: "button" }, say("restore"));
    back.addEventListener("click", working(back, async () => {
      if (!await confirmed(say("restoreTitle", String(version)), say("restoreNote", String(version)), say("restore"), "primary")) return;
      const change = await api.rollBack(version);
      me.model.gallery = change.gallery;
      toastChange(change);
      await load();
    }));
    return make("li", { className: isNow ? "now" : "" },
      make("span", { className: "version" }, String(version)),
      make("span", { className: "what" }, make("b", {}, serverText(detail)), make("small", {}, [when(time), author, reason].filter(Boolean).join(" · "))),
      isNow ? make("span", { className: "chip" }, say("now")) : may("write") && version >= now.first_version ? back : null);
  }

  load();
  return {
    element: make("div", { className: "place" }, make("p", { className: "back" }, make("a", { href: "#gallery" }, `← ${say("gallery")}`)), make("h1", {}, say("history")), note, list, more),
    get title() { return say("history"); },
  };
}

// A card for one group of photos: its photos, and the most similar enrolled product.

import { photo, stateBadges } from "./card.js";
import { make } from "./look/elements.js";
import { kindName, say } from "./words.js";

// `group`: {number, kind, card (null while loading), states, saving}; `act`: the buttons' actions.
export function buildGroupCard(group, position, total, act) {
  const { number, kind, card, states } = group;
  const { badges, settled } = stateBadges(group);
  const element = make("article", {
    id: `suspect-${number}`, "aria-label": say("cardLabel", position + 1, total, kindName(kind), settled), "aria-posinset": position + 1, "aria-setsize": total,
    className: `group ${states.length ? `decided ${states.at(-1).decision}` : ""}`,
  });
  element.dataset.number = number;
  element.append(
    make("header", {},
      make("span", { className: "position" }, say("group", number + 1)),
      make("span", { className: `chip ${kind}` }, kindName(kind)),
      card && make("span", { className: "split" }, say("photos", card.total)),
      make("span", { className: "path", title: card?.path ?? "" }, card?.path ?? say("loading")),
      badges),
    make("div", { className: "compare" }, photos(card, number, act), nearest(card, act)),
    buttons(group, act),
  );
  return element;
}

function photos(card, number, act) {
  const pictures = make("div", { className: card?.photos.length > 6 ? "pictures many" : "pictures" });
  for (const image of card?.photos ?? []) pictures.append(enlargeable(image, say("groupPicture", number + 1), act));
  const more = card ? card.total - card.photos.length : 0;
  const note = !card || card.total < 2 ? "" : say("likeness", card.likeness.toFixed(2));
  return make("section", { className: "side" }, make("h3", {}, say("given")), pictures,
    make("p", { className: "note" }, more > 0 ? `${say("morePhotos", more)} ${note}` : note));
}

function nearest(card, act) {
  if (card && card.nearest === null) {
    return make("section", { className: "side none" }, make("h3", {}, say("suggested")), make("p", {}, say("noProduct")));
  }
  const name = card?.nearest.name ?? "";
  const pictures = make("div", { className: "pictures" });
  for (const image of card?.nearest.images ?? []) pictures.append(enlargeable(image, name, act));
  return make("section", { className: "side suggestion" }, make("h3", {}, say("suggested")),
    make("p", { className: "name", title: name }, name), pictures,
    make("p", { className: "note" }, card ? say("similarity", card.nearest.similarity.toFixed(2)) : ""));
}

function enlargeable(image, text, act) {
  const button = make("button", { type: "button", className: "picture", title: say("enlarge", text), "aria-label": say("enlarge", text) }, photo(image, "small", text));
  button.addEventListener("click", () => act.enlarge(image, text));
  return button;
}

function buttons({ number, kind, card, states }, act) {
  const button = (name, key, word, run) => {
    const element = make("button", { type: "button", className: name, "aria-keyshortcuts": key }, word, " ", make("kbd", {}, key));
    element.addEventListener("click", () => run(number));
    return element;
  };
  const merge = card?.nearest ? button(`merge${kind === "changed" ? " accept primary" : ""}`, "A", say("mergeInto", card.nearest.name), act.merge) : null;
  const enrol = button(`enrol${kind === "changed" ? "" : " accept primary"}`, "E", say("enrol"), act.enrol);
  return make("footer", {}, ...(kind === "changed" ? [merge, enrol] : [enrol, merge]),
    button("drop", "D", say("drop"), act.drop),
    states.some((state) => state.mine) ? button("back", "", say("takeBack"), act.takeBack) : null);
}

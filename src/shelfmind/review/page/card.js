// A card for one suspect: the image, its label with typical images, the suggested label with its most similar images.

import { make } from "./look/elements.js";
import { picture } from "./server.js";
import { detailText, kindName, say, splitName } from "./words.js";

export function photo(image, size, text) {
  const element = make("img", { src: picture(image, size), alt: text, decoding: "async", draggable: false });
  element.addEventListener("error", () => element.replaceWith(make("span", { className: "broken" }, say("cannotOpen"))));
  return element;
}

export function outcome(state) {
  if (state.decision === "relabel") return say("didRelabel", state.label);
  return say({ keep: "didKeep", drop: "didDrop", others: "didOthers" }[state.decision]);
}

export function isContested(states) {
  return new Set(states.map((state) => `${state.decision}\n${state.label}`)).size > 1;
}

// `suspect`: {number, given, suggested, kind, card (null while loading), states, saving}; `act`: the buttons' actions.
export function buildCard(suspect, position, total, act) {
  const { number, given, card, states } = suspect;
  const id = `suspect-${number}`;
  const { settled } = stateBadges(suspect);
  const element = make("article", {
    id, "aria-label": say("cardLabel", position + 1, total, given, settled), "aria-posinset": position + 1, "aria-setsize": total,
    className: states.length ? `decided ${states.at(-1).decision}` : "",
  });
  element.dataset.number = number;
  element.append(
    heading(suspect, position),
    make("div", { className: "compare" },
      suspectSide(suspect, act),
      side(say("given"), given, card?.typical, say("typical"), act),
      suggestedSide(suspect, act)),
    make("p", { className: "detail", title: detailText(card?.detail ?? "") }, detailText(card?.detail ?? "")),
    buttons(suspect, act),
  );
  return element;
}

// The decisions, as badges and as a sentence for screen readers.
export function stateBadges({ states, saving }) {
  const badges = states.map((state) => make("span", { className: `badge ${state.decision}${state.mine ? " mine" : ""}` },
    say("by", outcome(state), state.mine ? say("me") : state.reviewer)));
  return {
    settled: states.length ? states.map((state) => outcome(state)).join("; ") : say("undecided"),
    badges: make("span", { className: "badges" },
      isContested(states) ? make("span", { className: "badge contested" }, say("disagree")) : null,
      ...badges,
      saving ? make("span", { className: "badge saving" }, say("saving")) : null),
  };
}

function heading(suspect, position) {
  const { kind, card } = suspect;
  return make("header", {},
    make("span", { className: "position" }, `${position + 1}`),
    make("span", { className: "chip" }, kindName(kind)),
    card && make("span", { className: "score", title: say("score") }, make("span", { className: "hidden" }, say("score")),
      make("meter", { min: 0, max: 1, value: card.score, "aria-hidden": "true" }), `${Math.round(card.score * 100)}%`),
    card && make("span", { className: "split" }, splitName(card.split)),
    make("span", { className: "path", title: card?.path ?? "" }, card?.path ?? say("loading")),
    stateBadges(suspect).badges);
}

function suspectSide({ card }, act) {
  const place = make("div", { className: "suspect" });
  if (card) place.append(enlargeable(card.image, "medium", say("suspectPicture", card.path), act));
  return place;
}

function suggestedSide({ kind, suggested, card }, act) {
  const note = kind === "label" || kind === "outlier" ? say("nearest") : say("alike");
  if (suggested === null && !card?.neighbours.length) {
    return make("section", { className: "side none" }, make("h3", {}, say("suggested")), make("p", {}, say("noSuggestion")));
  }
  const title = suggested === null ? say("copies") : say("suggested");
  const element = side(title, suggested, card?.neighbours, note, act);
  element.classList.add("suggestion");
  return element;
}

function side(title, name, images, note, act) {
  const pictures = make("div", { className: "pictures" });
  const text = name === null ? title : say("neighbourPicture", name);
  for (const image of images ?? []) pictures.append(enlargeable(image, "small", text, act));
  const empty = images && !images.length;
  return make("section", { className: "side" }, make("h3", {}, title),
    name === null ? null : make("p", { className: "name", title: name }, name), pictures,
    make("p", { className: "note" }, empty ? say("noPictures") : note));
}

function enlargeable(image, size, text, act) {
  const button = make("button", { type: "button", className: "picture", title: say("enlarge", text), "aria-label": say("enlarge", text) }, photo(image, size, text));
  button.addEventListener("click", () => act.enlarge(image, text));
  return button;
}

function buttons({ number, suggested, states }, act) {
  const button = (name, key, word, run) => {
    const element = make("button", { type: "button", className: name, "aria-keyshortcuts": key }, say(word), " ", make("kbd", {}, key));
    element.addEventListener("click", () => run(number));
    return element;
  };
  return make("footer", {},
    button("keep", "K", "keep", act.keep),
    suggested === null ? null : button("accept primary", "A", "accept", act.accept),
    button("relabel", "R", "relabel", act.relabel),
    button("others", "O", "others", act.others),
    button("drop", "D", "drop", act.drop),
    states.some((state) => state.mine) ? button("back", "", "takeBack", act.takeBack) : null);
}

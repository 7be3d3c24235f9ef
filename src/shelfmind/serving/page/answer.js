// A card with a photo, the service's answer, and the user's actions.

import * as api from "./api.js";
import { correctionLine, sayIs, sayWrong } from "./correction.js";
import { enlarge, working } from "./dialogs.js";
import { enrolDialog } from "./enrolment.js";
import { make } from "./look/elements.js";
import { problemText, serverText } from "./server_words.js";
import { hasGallery, may } from "./session.js";
import { percent, say, sayMany } from "./words.js";

// The answer in a few words.
export function answerHeading(answer) {
  if (answer.error) return say("unusable");
  if (answer.level === "product" || answer.level === "family") return answer.answer;
  return say(answer.level === "unknown" ? "unknown" : "undecided");
}

function answerNote(answer) {
  if (answer.error) return serverText(answer.error);
  if (answer.level === "family") return say("familyNote", answer.family.members.join(say("comma")));
  if (answer.level === "undecided") return say("undecidedNote");
  if (answer.level === "unknown") return say(hasGallery() ? "unknownNote" : "unknownNoteAlone");
  return null;
}

export function answerCard(item, act) {
  const { answer, problem, file } = item;
  const state = problem ? "failed" : answer === null ? "waiting" : answer.error ? "failed" : answer.level;
  const element = make("article", { className: `answer card ${state}`, tabIndex: -1, "aria-label": item.files ? sayMany("photosTogether", item.files.length) : file.name, "aria-busy": String(state === "waiting") });
  element.append(
    make("div", { className: "shown" }, picture(item), explanation(item)),
    make("div", { className: "told" },
      make("header", {},
        make("span", { className: "file", title: file.name }, item.files ? sayMany("photosTogether", item.files.length) : file.name),
        make("button", { type: "button", className: "plain", ariaLabel: say("dismiss", file.name), title: say("dismissShort"), onclick: () => act.dismiss(item) }, "×")),
      ...told(item, act)));
  return element;
}

function told(item, act) {
  const { answer, problem } = item;
  if (problem) {
    return [make("h2", {}, say("noAnswer")), make("p", { className: "lead" }, problem),
      make("footer", {}, make("button", { type: "button", className: "primary", onclick: () => act.renew(item) }, say("tryAgain")))];
  }
  if (answer === null) return [make("h2", { className: "pulse" }, say("looking")), make("ol", { className: "candidates ghost", "aria-hidden": "true" }, [1, 2, 3].map(() => make("li")))];
  const note = answerNote(answer);
  return [
    make("h2", {}, answerHeading(answer)),
    note && make("p", { className: "lead" }, note),
    answer.candidates.length ? candidates(item, act) : null,
    correctionLine(item, act),
    buttons(item, act),
  ].filter(Boolean);
}

function picture({ file, source, files }) {
  const image = make("img", { src: source, alt: say("photoNamed", file.name), decoding: "async" });
  const button = make("button", { type: "button", className: "picture", ariaLabel: say("enlarge", file.name), onclick: () => enlarge(source, file.name) }, image);
  image.addEventListener("error", () => button.replaceWith(make("div", { className: "picture broken" }, say("cannotShow"))));
  return [button, files ? make("span", { className: "chip stack" }, `+${files.length - 1}`) : null];
}

// The most probable products with bars; the user may confirm one of them.
function candidates(item, act) {
  const open = may("write") && !item.correction && !item.files;
  const pictured = item.answer.candidates.some((each) => each.reference);
  return make("ol", { className: `candidates${pictured ? "" : " bare"}` }, item.answer.candidates.map((each) => {
    const bar = make("i");
    bar.style.width = `${100 * each.probability}%`;
    return make("li", {},
      pictured ? reference(each) : null,
      make("span", { className: "name" }, each.product,
        hasGallery() ? make("small", {}, say(each.source === "gallery" ? "fromGallery" : "fromTraining")) : null),
      make("span", { className: "probability" }, make("span", { className: "meter", "aria-hidden": "true" }, bar), make("b", {}, percent(each.probability))),
      open ? make("button", { type: "button", className: "is-this", ariaLabel: say("isThis", each.product), title: say("isThis", each.product), onclick: () => sayIs(item, each.product, act) }, "✓") : null);
  }));
}

// The most similar enrolled photo.
function reference({ product, reference: found }) {
  if (!found) return make("span", { className: "reference none", "aria-hidden": "true" });
  const image = make("img", { src: api.photo(found.sha256, 128), alt: "", loading: "lazy", decoding: "async" });
  return make("button", { type: "button", className: "reference", ariaLabel: say("referenceOf", product), onclick: () => enlarge(api.photo(found.sha256, 1024), product) }, image);
}

// A heat map, as opposed to null or an error.
const isShown = (found) => found !== null && typeof found !== "string";

function explanation({ explanation: found }) {
  if (!found) return null;
  if (!isShown(found)) return make("p", { className: "note", role: "alert" }, found);
  return make("figure", { className: "heat" },
    make("img", { src: found.overlay, alt: say("heatAlt", found.product) }),
    make("figcaption", {}, say("heatNote", found.product)));
}

function buttons(item, act) {
  if (item.answer.error || item.files) return null;
  const button = (word, run, className = "") => {
    const element = make("button", { type: "button", className }, say(word));
    element.addEventListener("click", working(element, run));
    return element;
  };
  const certain = item.answer.level === "product";
  return make("footer", {},
    may("write") && !item.correction ? [
      certain ? button("right", () => sayIs(item, item.answer.answer, act), "right") : null,
      button(certain ? "wrong" : "itIs", () => sayWrong(item, act), "wrong"),
    ] : null,
    may("write") && hasGallery() ? button("newProduct", () => enrol(item, act), "enrol") : null,
    item.answer.candidates.length ? button(isShown(item.explanation) ? "hideWhy" : "why", () => explain(item, act), "why") : null);
}

async function enrol(item, act) {
  if (await enrolDialog([item.file])) act.renew(item);
}

async function explain(item, act) {
  if (isShown(item.explanation)) {
    item.explanation = null;
  } else {
    try {
      const found = await api.recognise([item.file], { explain: true });
      item.explanation = found.answers[0].explanation;
    } catch (error) {
      item.explanation = problemText(error);
    }
  }
  act.drawn(item);
}

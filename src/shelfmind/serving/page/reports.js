// Reports of the run, its gallery and its data, and details of the current model.

import * as api from "./api.js";
import { make } from "./look/elements.js";
import { problemText } from "./server_words.js";
import { count, languageCode, say, when } from "./words.js";

const NAMED = ["run", "gallery", "audit"];

export function reportsView() {
  const list = make("ul", { className: "reports" });
  const note = make("p", { className: "note", role: "status" }, say("loading"));
  api.reports().then(({ reports }) => {
    note.textContent = reports.length ? say("reportsNote") : say("noReports");
    list.replaceChildren(...reports.map(({ name, title, href }) => make("li", {},
      make("a", { className: "card", href: `${href}?lang=${languageCode()}`, target: "_blank", rel: "noopener" },
        make("b", {}, NAMED.includes(name) ? say(`report_${name}`) : title), NAMED.includes(name) ? make("small", {}, say(`report_${name}_note`)) : null))));
  }).catch((error) => { note.textContent = problemText(error); });
  const facts = make("div");
  api.model().then((model) => facts.replaceChildren(modelFacts(model))).catch((error) => facts.replaceChildren(problemText(error)));
  return { element: make("div", { className: "place" }, make("h1", {}, say("reports")), note, list, make("h2", {}, say("modelTitle")), facts), get title() { return say("reports"); } };
}

function modelFacts(model) {
  const rows = [
    ["modelName", model.name], ["modelEngine", `${model.engine} (${model.engine_version})`], ["modelClasses", count(model.classes)],
    ["modelGallery", model.gallery ? say("galleryFacts", count(model.gallery.products), count(model.gallery.photos), String(model.gallery.version)) : "–"],
    ["modelWeights", model.weights.slice(0, 12)], ["modelLoaded", when(model.loaded_at)], ["modelVersion", model.version],
  ];
  return make("div", { className: "card" }, model.trouble ? make("p", { className: "alarm" }, say("modelTrouble")) : null,
    make("dl", { className: "model-facts" }, rows.map(([word, value]) => make("div", {}, make("dt", {}, say(word)), make("dd", {}, value)))));
}

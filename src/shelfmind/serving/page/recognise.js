// The recognition view.

import * as api from "./api.js";
import { answerCard, answerHeading } from "./answer.js";
import { takeIntoBatch } from "./batch.js";
import { announce, toast } from "./dialogs.js";
import { Intake, looksLikeImage } from "./intake.js";
import { make } from "./look/elements.js";
import { problemText } from "./server_words.js";
import { sendAll } from "./sending.js";
import { hasGallery, limits } from "./session.js";
import { say, sayMany } from "./words.js";

const MAX_AT_ONCE = 24;  // larger numbers open the batch view

export function recogniseView() {
  const shown = [];  // {file, source, answer, problem, correction, explanation}, newest first
  const results = make("div", { className: "results" });
  const heading = make("h1");
  const tools = make("div", { className: "over-results" });
  const intake = new Intake((files) => take(files));
  const hints = make("ul", { className: "hints" });
  const element = make("div", { className: "place recognise" }, heading, intake.element, hints, tools, results);

  function take(files) {
    const images = files.filter(looksLikeImage);
    if (images.length < files.length) toast(sayMany("notImages", files.length - images.length), { bad: true });
    if (images.length > MAX_AT_ONCE) {
      takeIntoBatch(images);
      location.hash = "#batch";
      return;
    }
    const items = images.map((file) => ({ file, source: URL.createObjectURL(file), answer: null, problem: null, correction: null, explanation: null }));
    shown.unshift(...items);
    draw();
    ask(items);
  }

  async function ask(items) {
    for (const item of items) Object.assign(item, { answer: null, problem: null });
    items.forEach(redraw);
    try {
      await sendAll(items, { told, patience: 1 });
    } catch (error) {
      for (const item of items.filter(({ answer }) => answer === null)) item.problem = problemText(error);
    }
    items.filter(({ problem }) => problem).forEach(redraw);
    announce(items.length === 1 ? `${items[0].file.name}: ${items[0].problem ?? answerHeading(items[0].answer)}` : sayMany("answered", items.length));
  }

  function told(item, answer) {
    item.answer = answer;
    redraw(item);
  }

  // One answer for all photos shown.
  async function askTogether(button) {
    button.disabled = true;
    const items = shown.filter(({ files, answer }) => !files && answer && !answer.error).slice(0, limits().max_images);
    try {
      const { together } = await api.recognise(items.map((item) => item.file), { together: true });
      shown.unshift({ file: items[0].file, files: items.map((item) => item.file), source: items[0].source, answer: together, problem: null, correction: null, explanation: null });
      draw();
      results.querySelector("article").focus();
    } catch (error) {
      toast(problemText(error), { bad: true });
      button.disabled = false;
    }
  }

  const act = { renew: (item) => ask([item]), drawn: (item) => redraw(item, true), dismiss };

  function dismiss(item) {
    const place = shown.indexOf(item);
    shown.splice(place, 1);
    release([item]);
    draw();
    (results.children[Math.min(place, shown.length - 1)] ?? heading).focus();
  }

  function release(items) {
    for (const { source } of items) if (!shown.some((each) => each.source === source)) URL.revokeObjectURL(source);
  }

  // Keep the focus on a card after an action, even if its button has disappeared.
  function redraw(item, own = false) {
    const old = results.children[shown.indexOf(item)];
    if (!old) return;
    const focused = old.contains(document.activeElement) || (own && document.activeElement === document.body);
    const renewed = answerCard(item, act);
    old.replaceWith(renewed);
    if (focused) renewed.focus({ preventScroll: true });
  }

  function draw() {
    heading.textContent = say("recogniseTitle");
    intake.element.classList.toggle("small", shown.length > 0);
    const single = shown.filter((item) => !item.files);
    tools.replaceChildren(...(shown.length ? [
      make("span", { className: "note" }, sayMany("photos", single.length)),
      hasGallery() && single.length > 1 && make("button", { type: "button", title: say("togetherNote"), onclick: (event) => askTogether(event.currentTarget) }, say("together")),
      make("button", { type: "button", onclick: () => { const all = shown.splice(0); release(all); draw(); heading.focus(); } }, say("clear")),
    ].filter(Boolean) : []));
    results.replaceChildren(...shown.map((item) => answerCard(item, act)));
    hints.replaceChildren(...(shown.length ? [] : ["shelf", "batch", "gallery"].map((place) =>
      make("li", {}, make("a", { href: `#${place}`, className: "card" }, make("b", {}, say(place)), make("span", { className: "note" }, say(`hint_${place}`)))))));
  }

  draw();
  return {
    element, keep: true,
    get title() { return say("recognise"); },
    enter: () => intake.listen(),
    leave: () => intake.unlisten(),
    retell: () => { intake.draw(); draw(); },
  };
}

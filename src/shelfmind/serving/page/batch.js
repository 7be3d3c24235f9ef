// The batch view: recognises whole folders with progress, errors per file, and a CSV file at the end.

import { answerCard, answerHeading } from "./answer.js";
import { download } from "./csv.js";
import { announce, showDialog } from "./dialogs.js";
import { Intake, looksLikeImage, pathOf } from "./intake.js";
import { make } from "./look/elements.js";
import { sendAll, unusable } from "./sending.js";
import { problemText, serverText } from "./server_words.js";
import { percent, say } from "./words.js";

const ROWS = 200;
const DRAW_EVERY_MS = 200;
const TOP = 3;
const OUTCOMES = ["product", "family", "undecided", "unknown", "failed"];
let handedOver = null;  // photos passed on from another view

export function takeIntoBatch(files) {
  handedOver = files;
}

const outcomeOf = ({ answer }) => (answer === null ? "waiting" : answer.error ? "failed" : answer.level);

export function batchView() {
  let items = [];
  let run = null;  // the AbortController of the current upload
  let problem = null;
  let waitS = 0;
  let wanted = "";
  let rows = ROWS;
  let drawn = null;
  let fresh = [];  // answered since the last redraw
  const heading = make("h1");
  const intake = new Intake(take, { folder: true });
  const body = make("div", { className: "batch-body" });
  const element = make("div", { className: "place batch" }, heading, intake.element, body);

  function take(files) {
    if (run) return;
    const visible = files.filter((file) => !pathOf(file).split("/").some((part) => part.startsWith(".")));
    items = visible.map((file) => ({ file, path: pathOf(file), answer: null, problem: null, correction: null, explanation: null }));
    for (const item of items) if (!looksLikeImage(item.file)) item.answer = unusable(item, "not an image");
    [wanted, rows] = ["", ROWS];
    send();
  }

  async function send() {
    run = new AbortController();
    problem = null;
    draw();
    try {
      await sendAll(items.filter((item) => item.answer === null), { signal: run.signal, top: TOP, told, waits: (seconds) => { waitS = seconds; drawSoon(); } });
      announce(say("batchDone", items.length));
    } catch (error) {
      problem = error;
      announce(problemText(error));
    }
    [run, waitS] = [null, 0];
    draw();
    body.querySelector(".to-csv")?.focus({ preventScroll: true });
  }

  function told(item, answer) {
    item.answer = answer;
    fresh.push(item);
    drawSoon();
  }

  function drawSoon() {
    drawn ??= setTimeout(() => { drawn = null; if (run) follow(); }, DRAW_EVERY_MS);
  }

  function draw() {
    heading.textContent = say("batchTitle");
    intake.element.hidden = items.length > 0;
    fresh = [];
    if (!items.length) return body.replaceChildren(make("p", { className: "note" }, say("batchNote")));
    const focused = body.contains(document.activeElement) ? document.activeElement.className : null;
    body.replaceChildren(progress(), counts(), problem ? make("p", { className: "alarm", role: "alert" }, problemText(problem)) : "", tools(), table());
    if (focused) body.querySelector(`.${CSS.escape(focused.split(" ")[0] || "none")}`)?.focus({ preventScroll: true });
    return undefined;
  }

  // Add new results; buttons and the scroll position stay as they are.
  function follow() {
    body.querySelector(".progress").replaceWith(progress());
    const old = body.querySelector(".outcomes");
    const now = counts();
    if (old.childElementCount === now.childElementCount) [...now.querySelectorAll("b")].forEach((each, place) => { old.querySelectorAll("b")[place].textContent = each.textContent; });
    else old.replaceWith(now);
    const list = body.querySelector("tbody");
    const room = Math.max(0, rows - list.childElementCount);
    list.append(...fresh.filter(fits).slice(0, room).map(row));
    fresh = [];
  }

  const fits = (item) => item.answer !== null && (!wanted || outcomeOf(item) === wanted);

  function progress() {
    const done = items.filter((item) => item.answer !== null).length;
    const fill = make("i");
    fill.style.width = `${100 * done / items.length}%`;
    return make("div", { className: "progress" },
      make("div", { className: "meter", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": items.length, "aria-valuenow": done, ariaLabel: say("progress") }, fill),
      make("span", {}, waitS ? say("busyWaits", waitS) : say("progressOf", done, items.length)));
  }

  function counts() {
    const number = (outcome) => items.filter((item) => outcomeOf(item) === outcome).length;
    const chosen = (outcome) => () => { wanted = wanted === outcome ? "" : outcome; rows = ROWS; draw(); };
    return make("div", { className: "outcomes", role: "group", ariaLabel: say("show") }, OUTCOMES.map((outcome) => [outcome, number(outcome)]).filter(([, found]) => found).map(([outcome, found]) =>
      make("button", { type: "button", className: `outcome-${outcome} outcome`, "aria-pressed": String(wanted === outcome), onclick: chosen(outcome) }, make("b", {}, String(found)), ` ${say(`outcome_${outcome}`)}`)));
  }

  function tools() {
    const open = items.some((item) => item.answer === null);
    const button = (name, word, onclick) => make("button", { type: "button", className: name, onclick }, say(word));
    return make("div", { className: "bar" },
      run ? button("cancel-batch", "cancel", () => run.abort()) : open ? button("go-on primary", "goOn", send) : null,
      button(`to-csv${run ? "" : " primary"}`, "downloadCsv", () => download("shelfmind.csv", csvRows(items))),
      run ? null : button("new-batch", "newBatch", () => { items = []; problem = null; draw(); heading.focus(); }));
  }

  function table() {
    const shown = items.filter(fits);
    return make("div", {},
      make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: say("answers") }, make("table", {},
        make("thead", {}, make("tr", {}, ["file", "answerColumn", "probability", "alternatives"].map((word) => make("th", { scope: "col", className: word }, say(word))))),
        make("tbody", {}, shown.slice(0, rows).map(row)))),
      shown.length > rows ? make("button", { type: "button", className: "more", onclick: () => { rows += ROWS; draw(); } }, say("moreOf", rows, shown.length)) : null);
  }

  function row(item) {
    const { answer, path } = item;
    const isNamed = ["product", "family"].includes(answer.level);
    const [best, rest] = isNamed ? [answer.candidates[0], answer.candidates.slice(1)] : [null, answer.candidates];
    return make("tr", { className: outcomeOf(item) },
      make("th", { scope: "row" }, answer.error ? path : make("button", { type: "button", className: "link", onclick: () => look(item) }, path)),
      make("td", {}, answer.error ? serverText(answer.error) : answerHeading(answer)),
      make("td", { className: "probability" }, best ? percent(best.probability) : ""),
      make("td", { className: "note" }, rest.map((each) => `${each.product} ${percent(each.probability)}`).join(say("comma"))));
  }

  // Show one result as in the recognition view.
  async function look(item) {
    item.source = URL.createObjectURL(item.file);
    await showDialog(item.path, (close) => {
      const place = make("div");
      const act = { drawn: () => { const again = place.hasChildNodes(); place.replaceChildren(answerCard(item, act)); if (again) place.firstChild.focus(); }, dismiss: () => close(), renew: () => sendAll([item], { told: (each, answer) => { each.answer = answer; act.drawn(); } }) };
      act.drawn();
      return [place, make("div", { className: "end" }, make("button", { type: "button", className: "cancel", onclick: () => close() }, say("close")))];
    }, { wide: true });
    URL.revokeObjectURL(item.source);
    draw();
  }

  return {
    element, keep: true,
    get title() { return say("batch"); },
    enter() {
      intake.listen();
      const files = handedOver;
      handedOver = null;
      draw();
      if (files && !run) take(files);
    },
    leave: () => intake.unlisten(),
    retell: () => { intake.draw(); draw(); },
    busy: () => run !== null,
  };
}

// A row for each file, with probabilities as computed by the service.
export function csvRows(items) {
  const places = Array.from({ length: TOP }, (_, place) => (place ? [`candidate_${place + 1}`, `probability_${place + 1}`] : ["candidate", "probability"])).flat();
  return [["file", "level", "answer", ...places, "corrected_to", "error"], ...items.filter((item) => item.answer !== null).map(({ path, answer, correction }) => [
    path, answer.level ?? "", answer.answer ?? "",
    ...Array.from({ length: TOP }, (_, place) => [answer.candidates[place]?.product ?? "", answer.candidates[place]?.probability ?? ""]).flat(),
    correction?.label ?? "", answer.error ?? ""])];
}

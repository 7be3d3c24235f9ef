// The shelf view: the user draws boxes, and the service recognises the products in them.

import { answerCard, answerHeading } from "./answer.js";
import { cropped } from "./crops.js";
import { download } from "./csv.js";
import { announce, confirmed, toast } from "./dialogs.js";
import { Intake } from "./intake.js";
import { make } from "./look/elements.js";
import { sendAll } from "./sending.js";
import { problemText } from "./server_words.js";
import { Stage } from "./stage.js";
import { tally } from "./tally.js";
import { say, sayMany } from "./words.js";

const NAME_AFTER_MS = 300;  // wait for a box that is still being moved

// The product a box counts as: the user's correction, else the service's answer, or null.
function nameOf({ item }) {
  if (!item?.answer) return null;
  if (item.correction?.decision === "relabel") return item.correction.label;
  if (item.correction?.decision === "drop" || item.answer.error) return null;
  return ["product", "family"].includes(item.answer.level) ? item.answer.answer : null;
}

function tagOf(box) {
  if (box.problem) return { text: say("noAnswer"), state: "failed" };
  if (!box.item) return { text: say("looking"), state: "waiting" };
  const name = nameOf(box);
  return { text: name ?? answerHeading(box.item.answer), state: box.item.correction ? "product" : box.item.answer.level ?? "failed" };
}

export function shelfView() {
  let photo = null;  // {file, source}
  let boxes = 0;  // number of boxes ever drawn
  let timer = null;
  const unnamed = new Set();
  const heading = make("h1");
  const intake = new Intake(([file]) => open(file), { single: true });
  const work = make("div", { className: "shelf-work", hidden: true });
  const side = make("div", { className: "shelf-side" });
  const tools = make("div", { className: "bar shelf-tools", role: "toolbar" });
  const keys = make("details", { className: "keys note" });
  const stage = new Stage({
    number: () => (boxes += 1),
    added: rename, changed: rename, removed: forget,
    chosen: () => drawSide(),
    opened: () => side.querySelector("article")?.focus(),
  }, tagOf);
  const element = make("div", { className: "place shelf" }, heading, intake.element, work);
  work.append(make("div", { className: "shelf-main" }, tools, stage.element, keys), side);

  async function open(file) {
    if (stage.boxes.length && !await confirmed(say("anotherPhoto"), say("boxesLost"), say("anotherPhoto"))) return;
    const source = URL.createObjectURL(file);
    try {
      await stage.open(source, file.name);
    } catch {
      URL.revokeObjectURL(source);
      toast(say("cannotDecode", file.name), { bad: true });
      return;
    }
    if (photo) URL.revokeObjectURL(photo.source);
    photo = { file, source };
    stage.boxes.forEach(forgetCrop);
    Object.assign(stage, { boxes: [], chosen: null });
    boxes = 0;
    draw();
    announce(say("drawBoxes"));
  }

  // New and moved boxes are recognised after a short delay, together.
  function rename(box) {
    forgetCrop(box);
    Object.assign(box, { item: null, problem: null, round: (box.round ?? 0) + 1 });
    unnamed.add(box);
    clearTimeout(timer);
    timer = setTimeout(name, NAME_AFTER_MS);
    stage.draw();
    drawSide();
  }

  async function name() {
    const asked = [...unnamed];
    unnamed.clear();
    const items = [];
    try {
      for (const box of asked) {
        const file = await cropped(stage.image, box, `${photo.file.name.replace(/\.\w+$/, "")} ${box.number}.jpg`);
        items.push({ box, round: box.round, file });
      }
      await sendAll(items, { told });
    } catch (error) {
      for (const box of asked) if (!box.item) box.problem = problemText(error);
      toast(problemText(error), { bad: true, action: say("tryAgain"), run: () => asked.filter((box) => box.problem && stage.boxes.includes(box)).forEach(rename) });
      stage.draw();
      drawSide();
    }
  }

  function told({ box, round, file }, answer) {
    if (!stage.boxes.includes(box) || box.round !== round) return;  // removed or moved in the meantime
    box.item = { file, source: URL.createObjectURL(file), answer, problem: null, correction: null, explanation: null };
    stage.draw();
    drawSide();
    announce(say("boxNamed", stage.boxes.indexOf(box) + 1, tagOf(box).text));
  }

  function forget(box) {
    unnamed.delete(box);
    forgetCrop(box);
    drawSide();
    announce(say("boxRemoved"));
  }

  function forgetCrop(box) {
    if (box.item) URL.revokeObjectURL(box.item.source);
  }

  const act = {
    drawn: () => { side.dataset.asked = "true"; stage.draw(); drawSide(); },
    renew: (item) => stage.boxes.filter((box) => box.item === item).forEach(rename),
    dismiss: (item) => stage.boxes.filter((box) => box.item === item).forEach((box) => stage.remove(box)),
  };

  function draw() {
    heading.textContent = say("shelfTitle");
    intake.element.hidden = photo !== null;
    work.hidden = photo === null;
    tools.ariaLabel = say("tools");
    drawTools();
    markTools();
    keys.replaceChildren(make("summary", {}, say("keyboard")), make("p", {}, say("shelfKeys")));
    stage.draw();
    drawSide();
  }

  function drawTools() {
    const mode = (drawing, word) => make("button", { type: "button", className: `mode ${word}`, onclick: () => { stage.setDrawing(drawing); markTools(); } }, say(word));
    const button = (word, run, properties = {}) => make("button", { type: "button", onclick: run, ...properties }, say(word));
    tools.replaceChildren(
      make("span", { className: "modes", role: "group", ariaLabel: say("fingerDoes") }, mode(true, "draw"), mode(false, "moveView")),
      make("span", { className: "modes", role: "group", ariaLabel: say("zoom") },
        make("button", { type: "button", ariaLabel: say("zoomOut"), onclick: () => stage.setZoom(stage.zoom - 1) }, "−"),
        make("button", { type: "button", ariaLabel: say("zoomIn"), onclick: () => stage.setZoom(stage.zoom + 1) }, "+")),
      button("addBox", () => stage.addInMiddle(), { className: "add-box" }),
      button("duplicate", () => stage.duplicate(stage.chosen), { className: "duplicate" }),
      button("removeBox", () => stage.remove(stage.chosen), { className: "remove-box" }),
      button("anotherPhoto", () => intake.element.querySelector("input.chosen").click(), { className: "another" }));
  }

  // Update which tools are pressed or disabled.
  function markTools() {
    tools.querySelector(".mode.draw").ariaPressed = String(stage.drawing);
    tools.querySelector(".mode.moveView").ariaPressed = String(!stage.drawing);
    for (const name of [".duplicate", ".remove-box"]) tools.querySelector(name).disabled = !stage.chosen;
  }

  function drawSide() {
    const { chosen } = stage;
    const focused = side.contains(document.activeElement) || (document.activeElement === document.body && side.isConnected && side.dataset.asked === "true");
    side.dataset.asked = "false";
    markTools();
    side.replaceChildren(...[
      chosen?.item ? answerCard(chosen.item, act) : make("p", { className: "note hint" }, say(chosen ? (chosen.problem ? "noAnswer" : "looking") : stage.boxes.length ? "chooseBox" : "drawBoxes")),
      stage.boxes.length ? countsTable() : null,
    ].filter(Boolean));
    if (focused) side.querySelector("article, h2")?.focus({ preventScroll: true });
  }

  function countsTable() {
    const rows = tally(stage.boxes.map(nameOf));
    return make("section", { className: "card counts" }, make("h2", { tabIndex: -1 }, sayMany("boxes", stage.boxes.length)),
      make("table", {},
        make("thead", {}, make("tr", {}, make("th", { scope: "col" }, say("product")), make("th", { scope: "col" }, say("facings")))),
        make("tbody", {}, rows.map(({ name: each, count }) => make("tr", {}, make("th", { scope: "row", className: each === null ? "nameless" : "" }, each ?? say("withoutName")), make("td", {}, String(count)))))),
      make("div", { className: "bar" },
        make("button", { type: "button", className: "primary counts-csv", onclick: () => download(`${stem()} counts.csv`, countRows(stage.boxes)) }, say("countsCsv")),
        make("button", { type: "button", className: "boxes-csv", onclick: () => download(`${stem()} boxes.csv`, boxRows(stage.boxes, photo.file.name)) }, say("boxesCsv"))));
  }

  const stem = () => photo.file.name.replace(/\.\w+$/, "");
  const warn = (event) => { if (stage.boxes.length) event.preventDefault(); };
  draw();
  return {
    element, keep: true,
    get title() { return say("shelf"); },
    enter: () => { intake.listen(); addEventListener("beforeunload", warn); },
    leave: () => intake.unlisten(),
    retell: () => { intake.draw(); draw(); },
  };
}

export const countRows = (boxes) => [["product", "count"], ...tally(boxes.map(nameOf)).map(({ name, count }) => [name ?? "", count])];

// A row for each box, in pixels of the upright photo.
export const boxRows = (boxes, file) => [["file", "box", "x", "y", "width", "height", "product", "level", "candidate", "probability"],
  ...boxes.map((box, place) => {
    const best = box.item?.answer?.candidates[0];
    return [file, place + 1, ...[box.x, box.y, box.width, box.height].map(Math.round), nameOf(box) ?? "", box.item?.answer?.level ?? "", best?.product ?? "", best?.probability ?? ""];
  })];

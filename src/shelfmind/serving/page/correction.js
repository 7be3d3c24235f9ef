// Corrections: save what an image really shows for the next training run, with undo.

import * as api from "./api.js";
import { chooseProduct } from "./chooser.js";
import { announce, toastProblem, working } from "./dialogs.js";
import { make } from "./look/elements.js";
import { may } from "./session.js";
import { say } from "./words.js";

const DROP = Symbol("drop");

const saidOf = (item) => (["product", "family"].includes(item.answer.level) ? item.answer.answer : "");

// Save the product that the user chose, as a confirmation if it equals the answer.
export async function sayIs(item, name, act) {
  const isRight = item.answer.level === "product" && item.answer.answer === name;
  await record(item, isRight ? "keep" : "relabel", isRight ? null : name, act);
}

// Ask for the product, or whether the photo is unusable.
export async function sayWrong(item, act) {
  const likely = item.answer.candidates.map((each) => each.product);
  const without = item.answer.level === "product" ? item.answer.answer : null;
  const chosen = await chooseProduct(say("whatIsIt"), { likely, without, others: [[DROP, say("noUse")]] });
  if (chosen === DROP) await record(item, "drop", null, act);
  else if (chosen !== null) await sayIs(item, chosen, act);
}

async function record(item, decision, label, act) {
  try {
    item.correction = await api.correct(item.file, saidOf(item), decision, label);
    announce(outcome(item));
    act.drawn(item);
  } catch (error) {
    toastProblem(error);
  }
}

function outcome({ correction, answer }) {
  if (correction.decision === "keep") return say("keptRight", answer.answer);
  if (correction.decision === "drop") return say("keptDrop");
  return say("keptWrong", correction.label);
}

// The saved correction, with undo.
export function correctionLine(item, act) {
  if (!item.correction) return null;
  const undo = make("button", { type: "button", className: "undo" }, say("undo"));
  undo.addEventListener("click", working(undo, async () => {
    await api.undoCorrection(item.correction.id);
    item.correction = null;
    announce(say("takenBack"));
    act.drawn(item);
  }));
  return make("p", { className: "corrected" }, make("span", {}, outcome(item)), may("write") ? undo : null);
}

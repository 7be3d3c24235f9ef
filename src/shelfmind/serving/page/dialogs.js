// Dialogs and notifications.

import { make } from "./look/elements.js";
import { problemText } from "./server_words.js";
import { say } from "./words.js";

const TOAST_MS = 9000;

// Show a dialog filled by `build(close)`. Resolves to the argument of `close(value)`, or null if dismissed.
export function showDialog(title, build, { wide = false } = {}) {
  const heading = make("h2", { id: `title-${crypto.getRandomValues(new Uint32Array(1))[0]}` }, title);
  const dialog = make("dialog", { "aria-labelledby": heading.id, className: wide ? "wide" : "" }, heading);
  const before = document.activeElement;
  return new Promise((resolve) => {
    let result = null;
    const close = (value = null) => {
      result = value;
      dialog.close();
    };
    const leave = () => close();  // navigation closes the dialog
    addEventListener("hashchange", leave);
    dialog.append(...[build(close)].flat());
    dialog.addEventListener("close", () => {
      removeEventListener("hashchange", leave);
      dialog.remove();
      if (before?.isConnected) before.focus({ preventScroll: true });
      resolve(result);
    });
    dialog.addEventListener("click", (event) => { if (event.target === dialog && event.detail && outside(dialog, event)) close(); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function outside(dialog, event) {
  const box = dialog.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

// A row of buttons at the end of a dialog: "Cancel", and others as [name, run, class].
export function endOf(close, ...others) {
  return make("div", { className: "end" },
    make("button", { type: "button", className: "cancel", onclick: () => close() }, say("cancel")),
    others.map(([name, run, className = "primary"]) => make("button", { type: "button", className, onclick: run }, name)));
}

// Ask for confirmation.
export function confirmed(title, text, yes, className = "primary danger-fill") {
  return showDialog(title, (close) => [make("p", { className: "lead" }, text), endOf(close, [yes, () => close(true), className])]);
}

// Ask for a line of text. `check(text)` returns an error message, or null.
export function askText(title, label, value, yes) {
  return showDialog(title, (close) => {
    const field = make("input", { type: "text", value, maxLength: 300, autocomplete: "off", spellcheck: false, id: "asked-text", autofocus: true });
    const done = () => { if (field.value.trim()) close(field.value.trim()); };
    field.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); done(); } });
    queueMicrotask(() => field.select());
    return [make("label", { className: "field" }, make("span", {}, label), field), endOf(close, [yes, done])];
  });
}

// An enlarged image.
export function enlarge(source, text) {
  return showDialog(text, (close) => [
    make("img", { src: source, alt: text, className: "large" }),
    make("div", { className: "end" }, make("button", { type: "button", className: "cancel", onclick: () => close() }, say("close"))),
  ], { wide: true });
}

// Announcements for screen readers.
export function announce(text) {
  const said = document.getElementById("said");
  said.textContent = "";
  requestAnimationFrame(() => { said.textContent = text; });
}

// Notifications with an optional action. They stay while they have the pointer or the focus.
// `instead` is a kind of which only the newest is shown.
export function toast(text, { action = null, run = null, bad = false, instead = null } = {}) {
  const place = document.getElementById("toasts");
  if (instead) place.querySelector(`[data-kind="${instead}"]`)?.remove();
  const element = make("div", { className: `toast-card${bad ? " bad" : ""}`, role: bad ? "alert" : null, "data-kind": instead }, make("span", {}, text));
  const end = () => element.remove();
  if (action) element.append(make("button", { type: "button", onclick: () => { end(); run(); } }, action));
  element.append(make("button", { type: "button", className: "plain", ariaLabel: say("close"), onclick: end }, "×"));
  let timer = setTimeout(end, TOAST_MS);
  for (const name of ["pointerenter", "focusin"]) element.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) element.addEventListener(name, () => { clearTimeout(timer); timer = setTimeout(end, TOAST_MS); });
  while (place.childElementCount > 2) place.firstElementChild.remove();
  place.append(element);
}

export const toastProblem = (problem) => toast(problemText(problem), { bad: true });

// Run a button's action, one at a time, and report errors.
export function working(button, run) {
  return async (...given) => {
    if (button.disabled) return;
    button.disabled = true;
    button.ariaBusy = "true";
    try {
      await run(...given);
    } catch (error) {
      toastProblem(error);
    } finally {
      button.disabled = false;
      button.ariaBusy = "false";
    }
  };
}

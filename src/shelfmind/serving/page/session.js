// The user's session, and signing in with a key.

import * as api from "./api.js";
import { make } from "./look/elements.js";
import { problemText } from "./server_words.js";
import { say } from "./words.js";

const RANKS = { read: 1, write: 2, admin: 3 };
export const me = { name: "", role: null, needsKey: false, model: null };

export const may = (role) => (RANKS[me.role] ?? 0) >= RANKS[role];
export const hasGallery = () => Boolean(me.model?.gallery);
export const limits = () => me.model.limits;

// Fetch the user and the model; if the role is null, a key is needed.
export async function renew() {
  const { name, role, needs_key } = await api.session();
  Object.assign(me, { name, role, needsKey: needs_key });
  me.model = role === null ? null : await api.model();
}

export function signInView(done) {
  const field = make("input", { type: "password", id: "key", autocomplete: "current-password", required: true, placeholder: "sm_…", spellcheck: false, "aria-describedby": "key-note" });
  const wrong = make("p", { className: "alarm", role: "alert", hidden: true });
  const button = make("button", { type: "submit", className: "primary" }, say("signIn"));
  const form = make("form", { className: "card sign-in" },
    make("h1", {}, say("signInTitle")),
    make("p", { className: "note", id: "key-note" }, say("signInNote"), make("code", {}, say("signInCommand"))),
    make("input", { type: "text", autocomplete: "username", value: "shelfmind", className: "hidden", "aria-hidden": "true", tabIndex: -1, readOnly: true }),  // for password managers
    make("label", { className: "field" }, make("span", {}, say("key")), field),
    wrong, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    wrong.hidden = true;
    try {
      await api.signIn(field.value.trim());
      await done();
    } catch (error) {
      wrong.textContent = error.status === 401 ? say("wrongKey") : error.status === 429 ? say("wrongKeys", error.retryAfter ?? 1) : problemText(error);
      wrong.hidden = false;
      field.focus();
      field.select();
    } finally {
      button.disabled = false;
    }
  });
  return form;
}

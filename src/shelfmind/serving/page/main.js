// The page as a whole: current view, user and language.

import * as api from "./api.js";
import { batchView } from "./batch.js";
import { announce, toastProblem } from "./dialogs.js";
import { galleryView } from "./gallery.js";
import { historyView } from "./history.js";
import { make } from "./look/elements.js";
import { productView } from "./product.js";
import { recogniseView } from "./recognise.js";
import { reportsView } from "./reports.js";
import { problemText } from "./server_words.js";
import { me, renew, signInView } from "./session.js";
import { shelfView } from "./shelf.js";
import { languageCode, nameOf, otherCode, say, speak } from "./words.js";

const PLACES = {
  recognise: recogniseView, shelf: shelfView, batch: batchView, gallery: galleryView, reports: reportsView,
  product: productView, history: historyView,
};
const IN_BAR = ["recognise", "shelf", "batch", "gallery", "reports"];
const UNDER = { product: "gallery", history: "gallery" };
const READY_EVERY_MS = 3000;
const $ = (id) => document.getElementById(id);
const kept = new Map();  // views that keep their state while another one is shown
let current = null;
let speaking = null;

// #gallery or #product/<name>: the view and its argument.
function wanted() {
  const [place, ...rest] = location.hash.slice(1).split("/");
  if (!(place in PLACES)) return ["recognise", ""];
  try {
    return [place, decodeURIComponent(rest.join("/"))];
  } catch {
    return [place, ""];
  }
}

function show(focus = true) {
  current?.leave?.();
  const [name, subject] = wanted();
  let view = kept.get(name);
  if (!view) {
    view = PLACES[name](subject);
    if (view.keep) kept.set(name, view);
  }
  current = view;
  $("main").replaceChildren(view.element);
  view.enter?.();
  document.title = `${view.title} – shelfmind`;
  markPlace(UNDER[name] ?? name);
  if (focus) {
    const heading = view.element.querySelector("h1");
    if (heading) heading.tabIndex = -1;
    (heading ?? $("main")).focus({ preventScroll: true });
    scrollTo({ top: 0, behavior: "instant" });
    announce(view.title);
  }
}

function markPlace(name) {
  $("places").replaceChildren(...IN_BAR.map((each) =>
    make("a", { href: `#${each}`, className: `to-${each}`, "aria-current": each === name ? "page" : null }, say(each))));
}

function showWho() {
  const named = me.role !== null && me.needsKey;
  $("who").textContent = named ? `${me.name} · ${say(`role_${me.role}`)}` : "";
  $("leave").hidden = !named;
  $("places").hidden = me.role === null;
  $("model").replaceChildren(...(me.model ? [say("servedBy", me.model.name, me.model.engine, me.model.version)] : []));
}

function showSignIn() {
  current?.leave?.();
  current = null;
  showWho();
  document.title = `${say("signIn")} – shelfmind`;
  $("main").replaceChildren(signInView(() => start(true)));
  $("key").focus();
}

// Identify the user, then show the requested view; until the service responds, show the error.
async function start(focus = false) {
  try {
    await renew();
    $("alarm").hidden = true;
    showWho();
    if (me.role === null) showSignIn();
    else show(focus);
  } catch (error) {
    $("alarm").textContent = `${problemText(error)} ${say("triesAgain")}`;
    $("alarm").hidden = false;
    setTimeout(() => start(focus), READY_EVERY_MS);
  }
}

function setLanguage(code, save = true) {
  speak(code, save);
  const button = $("language");
  button.textContent = nameOf(otherCode());
  button.lang = otherCode() === "en" ? "en" : "zh-CN";
  if (speaking !== null && speaking !== code && me.role !== null) {
    showWho();
    for (const view of kept.values()) view.retell?.();
    if (current?.retell) { document.title = `${current.title} – shelfmind`; markPlace(UNDER[wanted()[0]] ?? wanted()[0]); } else show(false);
  } else if (speaking !== null && me.needsKey) {
    showSignIn();
  }
  speaking = code;
}

$("language").addEventListener("click", () => {
  setLanguage(otherCode());
  $("language").focus();
});
$("leave").addEventListener("click", async () => {
  try {
    await api.signOut();
    kept.clear();  // unlike after an expired session, previous content must not come back
    await start();
  } catch (error) {
    toastProblem(error);
  }
});
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });
api.events.addEventListener("signed-out", () => { if (me.role !== null) start(); });
api.events.addEventListener("gallery-changed", () => { if (me.role !== null && !current?.keep) show(false); });
addEventListener("hashchange", () => { if (me.role !== null) show(); });
// Files dropped outside an input area must not replace the page.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
setLanguage(languageCode(), false);
start();

// The review page: the feed of cards, the keyboard shortcuts, and polling for other reviewers' decisions.

import { buildCard, outcome } from "./card.js";
import { Chooser } from "./chooser.js";
import { Details } from "./details.js";
import { Feed, MAX_LISTED } from "./feed.js";
import { buildGroupCard } from "./group.js";
import { make } from "./look/elements.js";
import * as server from "./server.js";
import { chooseLanguage, detailText, keyList, kindName, otherLanguage, otherName, say, setLanguage, setMode } from "./words.js";

const NEWS_EVERY_MS = 2000;
const $ = (id) => document.getElementById(id);
const page = { review: null, states: new Map(), gone: new Set(), saving: new Set(), version: 0, decided: 0 };
const total = () => page.review.given.length;
const className = (number) => (number === null ? null : page.review.classes[number]);
const ofGroups = () => page.review.mode === "groups";
const titleOf = (number) => (ofGroups() ? say("group", number + 1) : className(page.review.given[number]));
const statesOf = (number) => page.states.get(number) ?? [];

const act = {
  keep: (number) => decide(number, "keep"),
  drop: (number) => decide(number, "drop"),
  others: (number) => decide(number, "others"),
  accept: (number) => {
    const suggested = className(page.review.suggested[number]);
    if (suggested === null || suggested === className(page.review.given[number])) announce(say("noSuggested"), true);
    else decide(number, "relabel", suggested);
  },
  relabel: async (number) => {
    const given = className(page.review.given[number]);
    const chosen = await chooser.open(page.review.classes, given, className(page.review.suggested[number]));
    feed.built.get(number)?.focus({ preventScroll: true });
    if (chosen !== null) decide(number, "relabel", chosen);
  },
  merge: (number) => {
    const nearest = details.get(number)?.nearest;
    if (nearest) decide(number, "merge", nearest.name);
    else announce(say("noSuggested"), true);
  },
  enrol: async (number) => {
    const chosen = await chooser.open(page.review.classes, null, details.get(number)?.nearest?.name ?? null);
    feed.built.get(number)?.focus({ preventScroll: true });
    const isThere = page.review.classes.includes(chosen) && !page.gone.has(chosen);
    if (chosen !== null) decide(number, isThere ? "merge" : "enrol", chosen);
  },
  takeBack: (number) => undo(number),
  enlarge: (image, text) => {
    const dialog = $("viewer");
    dialog.querySelector("img").src = server.picture(image, "large");
    dialog.querySelector("img").alt = text;
    dialog.querySelector("p").textContent = text;
    dialog.showModal();
  },
};

const feed = new Feed($("feed"), (number, position, count) => {
  details.want(number);
  return (ofGroups() ? buildGroupCard : buildCard)({
    number,
    given: className(page.review.given[number]),
    suggested: className(page.review.suggested[number]),
    kind: page.review.kind[number],
    card: details.get(number),
    states: statesOf(number),
    saving: page.saving.has(number),
  }, position, count, act);
});
const details = new Details(server.cards, feed, (error) => (error ? alarm(detailText(error.message), "details") : calm("details")));
const chooser = new Chooser($("chooser"));

async function decide(number, decision, label = null) {
  const position = feed.order.indexOf(number);
  page.saving.add(number);
  feed.renew(number);
  goOn(number, position);
  try {
    const news = await server.decide(number, decision, label);
    page.saving.delete(number);
    if (label !== null && !page.review.classes.includes(label)) page.review.classes.push(label);
    page.gone.delete(label);
    take(news);
    announce(say("said", outcome({ decision: ofGroups() && label !== null ? "relabel" : decision, label }), page.decided, total()));
    alarm(news.warnings?.length ? say("doneBut", news.warnings.map(detailText).join(detailText("; "))) : null);
  } catch (error) {
    page.saving.delete(number);
    feed.renew(number);
    alarm(say("notSaved", `${ofGroups() ? `${titleOf(number)}: ` : ""}${detailText(error.message)}`));
  }
}

// Go to the next undecided suspect. If there is none, stay on the current card.
function goOn(number, position) {
  const next = nextUndecided(position, number);
  if (next >= 0) feed.go(next);
  else announce(say("allDecided"));
}

function nextUndecided(position, except = null) {
  const isOpen = (each) => each !== except && !statesOf(each).length && !page.saving.has(each);
  const after = feed.order.findIndex((each, place) => place > position && isOpen(each));
  return after >= 0 ? after : feed.order.findIndex(isOpen);
}

async function undo(number = null) {
  try {
    const answer = await server.undo(number);
    if (answer.gone) page.gone.add(answer.gone);
    take(answer);
    if (answer.undone === null) return announce(say("nothingToUndo"), true);
    const position = feed.order.indexOf(answer.undone);
    if (position >= 0) feed.go(position);
    announce(say("undone", titleOf(answer.undone)), true);
    alarm(null);
  } catch (error) {
    alarm(say("notSaved", detailText(error.message)));
  }
  return undefined;
}

// Apply the server's updates to the suspects that changed.
function take(news) {
  page.version = news.version;
  page.decided = news.decided;
  if (news.all) page.states.clear();
  const changed = Object.keys(news.states).map(Number);
  for (const number of changed) {
    if (news.states[number].length) page.states.set(number, news.states[number]);
    else page.states.delete(number);
  }
  if (changed.length && ofGroups()) renewNearest();
  if (changed.length && $("undecided").checked) refilter();
  else changed.forEach((number) => feed.renew(number));
  showProgress();
}

// A newly enrolled group may now be the most similar product of another one: fetch every card again when it is shown.
function renewNearest() {
  details.outdate();
  feed.renewAll();
}

async function askForNews() {
  try {
    if (!document.hidden) take(await server.news(page.version));
    calm("news");
  } catch (error) {
    alarm(detailText(error.message), "news");
  }
  setTimeout(askForNews, NEWS_EVERY_MS);
}

function refilter(start = false) {
  const plain = (text) => text.normalize("NFKC").toLowerCase();
  const wanted = plain($("wanted").value.trim());
  const fits = page.review.classes.map((name) => plain(name).includes(wanted));
  const kind = $("kind").value;
  const open = $("undecided").checked;
  const current = start ? null : feed.number;
  const order = [];
  for (let number = 0; number < total(); number += 1) {
    const suggested = page.review.suggested[number];
    if (wanted && !fits[page.review.given[number]] && !(suggested !== null && fits[suggested])) continue;
    if (kind && page.review.kind[number] !== kind) continue;
    if (open && statesOf(number).length && number !== current) continue;  // keep the current card in view
    order.push(number);
  }
  const focused = $("feed").contains(document.activeElement);
  feed.show(order, start ? 0 : null);
  if (focused) feed.built.get(feed.number)?.focus({ preventScroll: true });
  $("shown").textContent = order.length > MAX_LISTED ? say("shownOf", order.length, MAX_LISTED) : say("shown", order.length);
  $("nothing").hidden = order.length > 0;
  $("nothing").textContent = !total() ? say("nothing") : page.decided === total() ? say("nothingLeft", page.review.log) : say("noMatch");
}

function showProgress() {
  $("progress").textContent = say("progress", page.decided, total());
  const meter = $("meter");
  meter.ariaValueMax = total();
  meter.ariaValueNow = page.decided;
  meter.ariaValueText = meter.ariaLabel = say("progress", page.decided, total());
  meter.firstElementChild.style.width = `${total() ? (100 * page.decided) / total() : 0}%`;
}

let quiet = 0;
function announce(text, visibly = false) {
  $("said").textContent = text;
  $("said").classList.toggle("toast", visibly);
  clearTimeout(quiet);
  quiet = setTimeout(() => $("said").classList.remove("toast"), 4000);
}

function alarm(text, of = "decision") {
  $("alarm").hidden = text === null;
  $("alarm").dataset.of = of;
  if (text !== null) $("alarm").textContent = text;
}

// Take back what was said of failed requests of one kind.
function calm(of) {
  if ($("alarm").dataset.of === of) alarm(null);
}

function showWords() {
  document.title = `${say("title")} · shelfmind`;
  $("language").textContent = otherName();
  $("language").lang = otherLanguage();
  $("reviewer").textContent = say("reviewer", page.review.reviewer);
  $("wanted").placeholder = say("filterByClass");
  $("data").textContent = page.review.data.split("/").filter(Boolean).at(-1) ?? "";
  $("data").title = page.review.data;
  const kinds = [...new Set(page.review.kind)];
  const chosen = $("kind").value;
  $("kind").replaceChildren(make("option", { value: "" }, say("allKinds")), ...kinds.map((kind) => make("option", { value: kind }, kindName(kind))));
  $("kind").value = chosen;
  $("key-list").replaceChildren(...keyList().flatMap(([keys, text]) => [make("dt", {}, ...keys.split(" ").map((key) => make("kbd", {}, key))), make("dd", {}, text)]));
  $("notice").hidden = !page.review.notice;
  $("notice").textContent = detailText(page.review.notice ?? "");
  showProgress();
}

const KEYS = {
  d: () => act.drop(feed.number), u: () => undo(),
  j: () => feed.go(feed.current + 1), ArrowDown: () => feed.go(feed.current + 1), ArrowRight: () => feed.go(feed.current + 1),
  ArrowUp: () => feed.go(feed.current - 1), ArrowLeft: () => feed.go(feed.current - 1),
  n: () => { const next = nextUndecided(feed.current); if (next >= 0) feed.go(next); else announce(say("allDecided"), true); },
  Home: () => feed.go(0), End: () => feed.go(feed.order.length - 1),
  Enter: () => { const card = details.get(feed.number); if (card) act.enlarge(card.image ?? card.photos[0], card.path); },
  "/": () => $("wanted").focus(), "?": () => $("keys").showModal(),
};
const SUSPECT_KEYS = {
  k: () => act.keep(feed.number), a: () => act.accept(feed.number), r: () => act.relabel(feed.number), o: () => act.others(feed.number),
};
const GROUP_KEYS = { a: () => act.merge(feed.number), e: () => act.enrol(feed.number) };
const WITHOUT_CARD = new Set(["u", "/", "?"]);

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
  const typing = event.target.matches("input[type=search], select");
  if (event.key === "Escape") {
    if (event.target === $("wanted") && $("wanted").value) { $("wanted").value = ""; refilter(true); }
    feed.go(feed.current);
    return;
  }
  if (typing || (event.key === "Enter" && event.target.closest("button, input"))) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const run = KEYS[key] ?? (ofGroups() ? GROUP_KEYS : SUSPECT_KEYS)[key];
  if (!run || (!feed.order.length && !WITHOUT_CARD.has(event.key))) return;
  event.preventDefault();
  run();
}

function listen() {
  document.addEventListener("keydown", onKey);
  $("filters").addEventListener("submit", (event) => { event.preventDefault(); feed.go(feed.current); });
  $("wanted").addEventListener("input", () => refilter(true));
  for (const id of ["kind", "undecided"]) $(id).addEventListener("change", () => refilter(true));
  $("undo").addEventListener("click", () => undo());
  $("help").addEventListener("click", () => $("keys").showModal());
  $("language").addEventListener("click", () => { setLanguage(otherLanguage()); showWords(); refilter(); });
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }
  $("viewer").addEventListener("close", () => feed.built.get(feed.number)?.focus({ preventScroll: true }));
}

async function begin() {
  chooseLanguage(null);
  try {
    page.review = await server.overview();
  } catch (error) {
    alarm(error.message);
    return;
  }
  setMode(page.review.mode ?? "suspects");
  chooseLanguage(page.review.language);
  take(page.review);
  showWords();
  $("class-names").replaceChildren(...[...new Set([...page.review.given, ...page.review.suggested])].filter((each) => each !== null).map((each) => make("option", { value: className(each) })));
  refilter(true);
  listen();
  if (feed.order.length) feed.go(Math.max(0, nextUndecided(-1)));
  setTimeout(askForNews, NEWS_EVERY_MS);
}

begin();

// The language of a page: which one, and its words from the page's own tables.

const KEPT = "shelfmind-language";
export const CODES = { en: "en", zh: "zh-CN" };

// The language that was asked for, else the one chosen before, else the browser's.
export function firstLanguage(wanted = null) {
  const browser = navigator.languages.find((each) => /^(en|zh)/i.test(each)) ?? "en";
  const code = wanted ?? remembered() ?? browser.slice(0, 2).toLowerCase();
  return code in CODES ? code : "en";
}

export function remember(code) {
  try { localStorage.setItem(KEPT, code); } catch { /* storage may be forbidden */ }
}

// Puts words where the document asks for them, by data-word, data-label and data-hint.
export function translateDocument(code, words, root = document) {
  document.documentElement.lang = CODES[code];
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  for (const element of root.querySelectorAll("[data-label]")) element.ariaLabel = words[element.dataset.label];
  for (const element of root.querySelectorAll("[data-hint]")) element.placeholder = words[element.dataset.hint];
}

// Words with values in the places of {0}, {1}, ...
export function fill(text, values) {
  return values.reduce((said, value, place) => said.replaceAll(`{${place}}`, () => value), text);
}

// English sentences of the server in another language, by a table of patterns; unknown ones stay as they are.
export function translated(text, patterns) {
  return patterns.reduce((said, [english, own]) => said.replace(english, own), text);
}

function remembered() {
  try { return localStorage.getItem(KEPT); } catch { return null; }
}

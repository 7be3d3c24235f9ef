// The language of a page: selection, and texts from the page's own tables.

const KEPT = "shelfmind-language";
export const CODES = { en: "en", zh: "zh-CN" };

// The requested language, else the one chosen before, else the browser's.
export function firstLanguage(wanted = null) {
  const browser = navigator.languages.find((each) => /^(en|zh)/i.test(each)) ?? "en";
  const code = wanted ?? remembered() ?? browser.slice(0, 2).toLowerCase();
  return code in CODES ? code : "en";
}

export function remember(code) {
  try { localStorage.setItem(KEPT, code); } catch { /* storage may be blocked */ }
}

// Fills in the texts of elements with data-word, data-label and data-hint.
export function translateDocument(code, words, root = document) {
  document.documentElement.lang = CODES[code];
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  for (const element of root.querySelectorAll("[data-label]")) element.ariaLabel = words[element.dataset.label];
  for (const element of root.querySelectorAll("[data-hint]")) element.placeholder = words[element.dataset.hint];
}

// A text with its placeholders {0}, {1}, ... filled in.
export function fill(text, values) {
  return values.reduce((said, value, place) => said.replaceAll(`{${place}}`, () => value), text);
}

// Translates English messages of the server by a table of patterns; unknown ones stay as they are.
export function translated(text, patterns) {
  return patterns.reduce((said, [english, own]) => said.replace(english, own), text);
}

function remembered() {
  try { return localStorage.getItem(KEPT); } catch { return null; }
}

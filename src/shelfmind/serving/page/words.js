// The page's texts in the chosen language.

import { chinese } from "./chinese.js";
import { english } from "./english.js";
import { fill, firstLanguage, remember, translateDocument } from "./look/language.js";

const WORDS = { en: english, zh: chinese };
let code = firstLanguage(new URLSearchParams(location.search).get("lang"));

export const languageCode = () => code;
export const otherCode = () => (code === "en" ? "zh" : "en");
export const nameOf = (each) => WORDS[each].languageName;

export function speak(chosen, save = true) {
  code = chosen;
  if (save) remember(code);
  translateDocument(code, WORDS[code]);
}

export function say(key, ...values) {
  return fill(WORDS[code][key], values.map((value) => (typeof value === "number" ? count(value) : value)));
}

// `sayMany("photos", 1)` is "1 photo": keys that end in One are singular forms, in languages that have them.
export function sayMany(key, number, ...more) {
  const one = `${key}One`;
  return say(number === 1 && one in WORDS[code] ? one : key, number, ...more);
}

export const count = (number) => number.toLocaleString(code === "en" ? "en" : "zh-CN");

// Format a probability. Values that are not exactly 1 or 0 are never shown as "100%" or "0%".
export function percent(value) {
  if (value > 0.9995 && value < 1) return "> 99.9%";
  if (value < 0.0005 && value > 0) return "< 0.1%";
  return value.toLocaleString(code === "en" ? "en" : "zh-CN", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

export function when(time) {
  return new Date(time).toLocaleString(code === "en" ? navigator.language : "zh-CN", { dateStyle: "medium", timeStyle: "short" });
}

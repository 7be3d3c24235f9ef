// Calls the local server with JSON requests. Throws an Error with a readable message on any failure.

import { say } from "./words.js";

let review = null;  // identifies the server's process, in which alone its numbers have a meaning

async function ask(path, options = {}) {
  const headers = review === null ? options.headers : { ...options.headers, "X-Shelfmind-Review": review };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch {
    throw new Error(say("serverGone"));
  }
  const content = await answer.json().catch(() => ({ error: `${answer.status}` }));
  if (!answer.ok) throw new Error(content.error);
  return content;
}

let queue = Promise.resolve();

// Changes are sent one at a time, in the order in which they were made.
function change(path, body) {
  const options = { method: "POST", headers: { "Content-Type": "application/json", "X-Shelfmind": "review" }, body: JSON.stringify(body) };
  const answer = queue.then(() => ask(path, options));
  queue = answer.catch(() => {});
  return answer;
}

export async function overview() {
  const content = await ask("/api/review");
  review = content.review;
  return content;
}

export const cards = (numbers) => ask(`/api/cards?numbers=${numbers.join(",")}`);
export const examples = (classNumber) => ask(`/api/examples?class=${classNumber}`);
export const news = (since) => ask(`/api/news?since=${since}`);
export const decide = (number, decision, label) => change("/api/decide", { number, decision, label });
export const undo = (number = null) => change("/api/undo", { number });
export const picture = (image, size) => `/image/${review}/${size}/${image}`;

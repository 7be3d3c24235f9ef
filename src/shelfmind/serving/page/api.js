// Calls the service. Promises resolve to the response or reject with a `Problem`.

// An error from the service or a proxy; `status` is 0 if there was no response.
export class Problem extends Error {
  constructor({ status = 0, type = "", detail = "", request_id = "", retryAfter = null, ...more } = {}) {
    super(detail);
    Object.assign(this, { status, kind: type.replace("urn:shelfmind:", ""), detail, requestId: request_id, retryAfter, more });
  }
}

export const events = new EventTarget();  // "signed-out", "gallery-changed"

async function ask(path, { method = "GET", json, form, signal } = {}) {
  const headers = method === "GET" ? {} : { "X-Shelfmind": "1" };
  if (json !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: form ?? (json === undefined ? undefined : JSON.stringify(json)) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem();
  }
  if (answer.ok) return answer.status === 204 ? null : readJson(answer);
  const said = await answer.json().catch(() => ({}));
  const problem = new Problem({ ...said, status: answer.status, retryAfter: Number(answer.headers.get("Retry-After")) || null });
  if (answer.status === 401 && path !== "/v1/session") events.dispatchEvent(new Event("signed-out"));
  throw problem;
}

// A truncated response counts as a lost connection, too.
async function readJson(answer) {
  try {
    return await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem();
  }
}

function formOf(fields, part, files) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
  for (const file of files) form.append(part, file, file.name);
  return form;
}

const query = (fields) => {
  const given = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
};
const skuPath = (sku) => `/v1/gallery/skus/${encodeURIComponent(sku)}`;

export const session = () => ask("/v1/session");
export const signIn = (key) => ask("/v1/session", { method: "POST", json: { key } });
export const signOut = () => ask("/v1/session", { method: "DELETE" });
export const model = () => ask("/v1/model");
export const reports = () => ask("/v1/reports");

export const recognise = (files, options = {}, signal = undefined) =>
  ask("/v1/recognize", { method: "POST", form: formOf(options, "image", files), signal });

export const skus = (search = "", after = null, limit = 60) => ask(`/v1/gallery/skus${query({ search, after, limit })}`);
export const product = (sku) => ask(skuPath(sku));
export const gallery = () => ask("/v1/gallery");
export const history = (before = null, limit = 30) => ask(`/v1/gallery/history${query({ before, limit })}`);
export const photo = (sha256, edge = 256) => `/v1/gallery/photos/${sha256}?edge=${edge}`;
export const enrol = (sku, files, strict) => ask("/v1/gallery/skus", { method: "POST", form: formOf({ sku, strict }, "photo", files) });
export const rename = (sku, name) => ask(skuPath(sku), { method: "PATCH", json: { name } });
export const remove = (sku, photo = null) => ask(`${skuPath(sku)}${query({ photo })}`, { method: "DELETE" });
export const merge = (skus, into) => ask("/v1/gallery/merge", { method: "POST", json: { skus, into } });
export const rollBack = (version) => ask("/v1/gallery/rollback", { method: "POST", json: { version } });

export const correct = (file, said, decision, label = null) =>
  ask("/v1/corrections", { method: "POST", form: formOf(label === null ? { said, decision } : { said, decision, label }, "image", [file]) });
export const undoCorrection = (id) => ask(`/v1/corrections/${encodeURIComponent(id)}/undo`, { method: "POST" });

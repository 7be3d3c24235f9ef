// Sends many images in requests of maximum size; waits and resumes if the service is busy.

import * as api from "./api.js";
import { imageErrors, problemText } from "./server_words.js";
import { limits } from "./session.js";

const AT_ONCE = 2;  // one request is uploaded while another one is computed
const MAX_WAIT_S = 60;
const BUSY = [429, 503];
const TOO_MUCH = [413, 504];

// As many in each request as its limits of images and bytes allow.
export function lots(items, most = limits().max_images, bytes = 0.9 * limits().max_body_bytes) {
  const found = [];
  let size = Infinity;
  for (const item of items) {
    if (size + item.file.size > bytes || found.at(-1).length >= most) {
      found.push([]);
      size = 0;
    }
    found.at(-1).push(item);
    size += item.file.size;
  }
  return found;
}

// Recognise all `items` ({file}). `told(item, answer)` receives each answer, `waits(seconds)` is called if the service is busy.
// A lost connection is retried `patience` times.
// Rejects with a `Problem` if the connection is lost or access is denied, and with an AbortError by `signal`.
export async function sendAll(items, { signal, told, waits = () => {}, top = 5, most = limits().max_images, patience = 3 } = {}) {
  const queue = lots(items, most);
  let failure = null;
  const work = async () => {
    while (queue.length && !failure) {
      const lot = queue.shift();
      try {
        await sendLot(lot, { signal, told, waits, top, patience });
      } catch (problem) {
        const half = Math.ceil(lot.length / 2);
        if (TOO_MUCH.includes(problem.status) && lot.length > 1) queue.unshift(lot.slice(0, half), lot.slice(half));
        else failure ??= problem;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));  // no request is pending
  if (failure) throw failure;
}

// A busy service may disconnect during the upload, so a lost connection is retried a few times, too.
async function sendLot(lot, { signal, told, waits, top, patience }) {
  for (let lost = 0; ;) {
    signal?.throwIfAborted();
    try {
      const { answers } = await api.recognise(lot.map((item) => item.file), { top }, signal);
      lot.forEach((item, place) => told(item, answers[place]));
      return;
    } catch (problem) {
      const errors = imageErrors(problem);
      const isLost = problem.status === 0 && lost < patience;
      if (isLost || BUSY.includes(problem.status)) {
        const seconds = isLost ? 2 ** lost : Math.min(problem.retryAfter ?? 1, MAX_WAIT_S);
        lost += isLost ? 1 : 0;
        waits(seconds);
        await pause(1000 * seconds, signal);
        waits(0);
      } else if (errors?.length === lot.length) {
        lot.forEach((item, place) => told(item, unusable(item, errors[place])));
        return;
      } else if (lot.length === 1 && [400, 413, 422, 500, 504].includes(problem.status)) {
        told(lot[0], unusable(lot[0], problemText(problem)));
        return;
      } else {
        throw problem;
      }
    }
  }
}

export const unusable = ({ file }, error) => ({ name: file.name, error, level: null, answer: null, family: null, candidates: [], explanation: null });

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

// Sends many images in requests as large as they may be, waits where the service is busy, and goes on.

import * as api from "./api.js";
import { imageErrors, problemText } from "./server_words.js";
import { limits } from "./session.js";

const AT_ONCE = 2;  // one request is on its way while another one is computed
const MOST_WAIT_S = 60;
const BUSY = [429, 503];
const TOO_MUCH = [413, 504];

// As many in each as a request may have, in number and in bytes.
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

// Asks for all `items` ({file}); `told(item, answer)` gets each answer, `waits(seconds)` hears of a busy service.
// A connection that is lost is tried again `patience` times.
// Rejects with a `Problem` where the connection is lost or nobody is let in, and with an AbortError by `signal`.
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
  await Promise.all(Array.from({ length: AT_ONCE }, work));  // nothing is on its way any more
  if (failure) throw failure;
}

// A busy service may hang up before it has heard all; so a lost connection is tried again a few times, too.
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
        const seconds = isLost ? 2 ** lost : Math.min(problem.retryAfter ?? 1, MOST_WAIT_S);
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

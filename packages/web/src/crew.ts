// Windows of a large picture on several processors: each member of the crew is a worker of the same script.

import { Calls } from "./calls.js";
import { windowOf, type Task } from "./octaves.js";
import type { Pixels } from "./pixels.js";
import type { Methods } from "./worker.js";

const IDLE = 20_000; // milliseconds after which the crew goes

/** How many windows are worth computing at once. */
export const AT_ONCE = typeof Worker === "undefined" ? 1 : Math.max(1, Math.min(4, navigator.hardwareConcurrency || 1));

let crew: { worker: Worker; calls: Calls<Methods> }[] = [];
let busy = 0; // windows that are being computed
let leaving: ReturnType<typeof setTimeout> | undefined;
let alone = AT_ONCE === 1; // no other worker can be had

/**
 * Compute a window.
 * @param slot below `AT_ONCE`; those of one number take turns
 */
export async function computed(task: Task, slot: number): Promise<Pixels> {
  if (alone) return windowOf(task);
  clearTimeout(leaving);
  busy++;
  try {
    return await (crew[slot] ??= member()).calls.call("window", [task]);
  } catch {
    alone = true; // this browser lends none, or memory is short
    return windowOf(task);
  } finally {
    if (!--busy) leaving = setTimeout(dismiss, IDLE); // one that is ended answers nobody
  }
}

function member(): (typeof crew)[number] {
  const worker = new Worker(self.location.href, { type: "module" });
  return { worker, calls: new Calls<Methods>(worker) };
}

function dismiss(): void {
  for (const one of crew) one?.worker.terminate();
  crew = [];
}

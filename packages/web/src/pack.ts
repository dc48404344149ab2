// Fetch what the engine needs, once: compressed on the way, whole in the browser's cache.

import { XzReadableStream } from "xz-decompress";

import { ImpastoError } from "./faults.js";

/** What has come of all that is to come. */
export type OnLoad = (loaded: number, total: number) => void;

const CACHE = "impasto-engine";

/** A file, and whether the browser keeps it. */
export interface Unpacked {
  data: ArrayBuffer;
  kept: boolean;
}

/**
 * Fetch a file in the .xz format and unpack it. What was unpacked is kept for the next visit, where the browser may keep
 * it, under the file's address with its hash.
 * @param size of the compressed file
 */
export async function unpacked(address: string, size: number, onLoad: OnLoad): Promise<Unpacked> {
  const before = await fromCache(address);
  if (before) {
    onLoad(size, size);
    return { data: before, kept: true };
  }
  const answer = await fetchOrFault(address);
  let loaded = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, to) {
      loaded += chunk.byteLength;
      onLoad(Math.min(loaded, size), size);
      to.enqueue(chunk);
    },
  });
  let data: ArrayBuffer;
  try {
    const stream = new XzReadableStream((answer.body as ReadableStream<Uint8Array>).pipeThrough(counted));
    data = await new Response(stream).arrayBuffer();
  } catch (error) {
    throw loaded < size ? noNetwork(address) : damaged(address, error);
  }
  return { data, kept: await keep(address, data) };
}

export async function fetchOrFault(address: string): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(address);
  } catch {
    throw noNetwork(address);
  }
  if (!answer.ok) throw new ImpastoError("no-network", `${address} answers ${answer.status}`, "load the page again, there may be a new version; on your own host, check that the folder is complete");
  return answer;
}

function noNetwork(address: string): ImpastoError {
  return new ImpastoError("no-network", `${new URL(address).pathname} could not be fetched`, "check your connection, and try again");
}

function damaged(address: string, error: unknown): ImpastoError {
  return new ImpastoError("damaged", `${new URL(address).pathname} is damaged: ${error instanceof Error ? error.message : error}`, "load the page again");
}

async function fromCache(address: string): Promise<ArrayBuffer | null> {
  try {
    const found = await (await caches.open(CACHE)).match(address);
    return found ? await found.arrayBuffer() : null;
  } catch {
    return null; // no secure address, or a private window
  }
}

/** Keep what was unpacked in place of what other versions have left; if the disk is full it is fetched again next time. */
async function keep(address: string, data: ArrayBuffer): Promise<boolean> {
  try {
    const cache = await caches.open(CACHE);
    const name = (of: string) => new URL(of).pathname.replace(/^.*\//, "").replace(/\.[0-9a-f]{8}\./, ".");
    for (const old of await cache.keys()) if (name(old.url) === name(address)) await cache.delete(old);
    await cache.put(address, new Response(data.slice(0)));
    return true;
  } catch {
    return false;
  }
}

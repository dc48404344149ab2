// What can go wrong, in words for whoever uses the engine.

export type Code =
  | "no-wasm"
  | "no-simd"
  | "no-network"
  | "damaged"
  | "memory"
  | "too-large"
  | "unknown-style"
  | "bad-control"
  | "not-a-picture";

/** An error with a message, a hint and a code that programs can tell. */
export class ImpastoError extends Error {
  constructor(
    readonly code: Code,
    message: string,
    readonly hint = "",
  ) {
    super(message);
    this.name = "ImpastoError";
  }
}

/** Whether an error says that memory ran out: browsers and WebAssembly each say it in their own words. */
export function isOutOfMemory(error: unknown): boolean {
  const text = String(error instanceof Error ? `${error.name} ${error.message}` : error);
  return /RangeError.*(allocation|array length|buffer)|out of memory|bad_alloc|Cannot enlarge memory|allocate a buffer|Array buffer allocation/i.test(text);
}

export const outOfMemory = () =>
  new ImpastoError("memory", "there is not enough memory for this picture", "choose a smaller size, or close other pages");

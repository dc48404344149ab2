// Calls from a page to its worker: what is passed, told on the way, returned or thrown.

import { ImpastoError, type Code } from "./faults.js";

/** What a method is given beside its arguments. */
export interface Context {
  tell(value: unknown): void;
  /** Throws an `AbortError` once the caller has given up; messages come in meanwhile. */
  breathe(): Promise<void>;
}

/** A method's result with what is moved to the page, not copied. */
export class Moved<T> {
  constructor(
    readonly value: T,
    readonly transfer: Transferable[],
  ) {}
}

type Method = (context: Context, ...given: never[]) => unknown;
type Unmoved<T> = T extends Moved<infer U> ? U : T;
type Result<M> = M extends (...given: never[]) => infer R ? Unmoved<Awaited<R>> : never;
type Given<M> = M extends (context: Context, ...given: infer A) => unknown ? A : never;

type Call = { id: number; method: string; given: unknown[] } | { id: number; stop: true };
type Answer =
  | { id: number; told: unknown }
  | { id: number; value: unknown }
  | { id: number; name: string; message: string; code?: Code; hint?: string };

/** Answer calls of these methods, in a worker. */
export function serve(methods: Record<string, Method>): void {
  const stopped = new Set<number>();
  const send = (answer: Answer, transfer: Transferable[] = []) => (self as unknown as Worker).postMessage(answer, transfer);
  self.addEventListener("message", async ({ data: call }: MessageEvent<Call>) => {
    const { id } = call;
    if ("stop" in call) return void stopped.add(id);
    const context: Context = {
      tell: (told) => send({ id, told }),
      async breathe() {
        await new Promise<void>((done) => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => {
            port1.close();
            done();
          };
          port2.postMessage(null);
        });
        if (stopped.has(id)) throw new DOMException("stopped", "AbortError");
      },
    };
    try {
      const found = await methods[call.method](context, ...(call.given as never[]));
      if (found instanceof Moved) send({ id, value: found.value }, found.transfer);
      else send({ id, value: found });
    } catch (error) {
      const { name, message } = error instanceof Error || error instanceof DOMException ? error : new Error(String(error));
      const own = error instanceof ImpastoError ? { code: error.code, hint: error.hint } : {};
      send({ id, name, message, ...own });
    } finally {
      stopped.delete(id);
    }
  });
}

export interface CallOptions {
  signal?: AbortSignal;
  onTold?: (value: never) => void;
  transfer?: Transferable[];
}

/** The page's side of a worker. */
export class Calls<M> {
  readonly #worker: Worker;
  readonly #open = new Map<number, { done: (value: never) => void; failed: (error: unknown) => void; told?: (value: never) => void }>();
  #last = 0;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => this.#answered(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      const error = new Error(event.message || "the engine's script could not be loaded");
      for (const { failed } of this.#open.values()) failed(error);
      this.#open.clear();
    });
  }

  call<K extends keyof M & string>(method: K, given: Given<M[K]>, { signal, onTold, transfer = [] }: CallOptions = {}): Promise<Result<M[K]>> {
    signal?.throwIfAborted();
    const id = ++this.#last;
    return new Promise<Result<M[K]>>((done, failed) => {
      this.#open.set(id, { done: done as (value: never) => void, failed, told: onTold });
      this.#worker.postMessage({ id, method, given } satisfies Call, transfer);
      signal?.addEventListener("abort", () => {
        if (this.#open.has(id)) this.#worker.postMessage({ id, stop: true } satisfies Call);
      });
    });
  }

  #answered(answer: Answer): void {
    const open = this.#open.get(answer.id);
    if (!open) return;
    if ("told" in answer) return open.told?.(answer.told as never);
    this.#open.delete(answer.id);
    if ("value" in answer) return open.done(answer.value as never);
    const { name, message, code, hint } = answer;
    if (code) open.failed(new ImpastoError(code, message, hint));
    else open.failed(name === "AbortError" ? new DOMException(message, name) : Object.assign(new Error(message), { name }));
  }
}

// ONNX Runtime Web: which of its builds a browser takes, and sessions as functions of arrays.

import type * as Ort from "onnxruntime-web";

import { ImpastoError, isOutOfMemory } from "./faults.js";

export type Provider = "webgpu" | "wasm";

/** Arrays with their shapes, by name. */
export type Feeds = Record<string, readonly [Float32Array, readonly number[]]>;

export interface Session {
  run(feeds: Feeds): Promise<Record<string, Float32Array>>;
}

export interface Runtime {
  /** What computes: WebAssembly, once a graphics processor has failed. */
  provider: Provider;
  threads: number;
  /** Take WebAssembly from now on. */
  leave(why: string): void;
  /** What is to be told once the graphics processor is taken away. */
  onLost?: ((error: Error) => void) | null;
  /**
   * @param weights files that the model's weights lie in, by name
   */
  session(model: Uint8Array, weights?: Record<string, Uint8Array>): Promise<Session>;
}

/** A build of ONNX Runtime: its module and its compressed WebAssembly, under the package's own address. */
export type Build = "wasm" | "jspi" | "asyncify";

// One byte of WebAssembly's 128-bit SIMD is enough to ask for it.
const SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);

/** Say what is missing, if anything is. */
export function checkBrowser(): void {
  if (typeof WebAssembly !== "object")
    throw new ImpastoError("no-wasm", "painting needs WebAssembly, which this browser does not run", "allow it, or use another browser");
  if (!WebAssembly.validate(SIMD))
    throw new ImpastoError("no-simd", "this browser's WebAssembly is too old for painting (it lacks SIMD)", "update it, or use another browser");
}

/** Whether there is a graphics processor that computes. */
export async function hasWebGpu(): Promise<boolean> {
  try {
    return !!(await (navigator as { gpu?: { requestAdapter(): Promise<unknown> } }).gpu?.requestAdapter());
  } catch {
    return false;
  }
}

/** The build that a provider takes in this browser. */
export function buildFor(provider: Provider): Build {
  if (provider === "wasm") return "wasm";
  return "Suspending" in WebAssembly ? "jspi" : "asyncify";
}

/** Threads that WebAssembly may take: those need a page that is isolated from others. */
function threadsFor(provider: Provider): number {
  if (provider === "webgpu" || !globalThis.crossOriginIsolated) return 1;
  const cores = navigator.hardwareConcurrency || 1;
  return Math.min(cores, 4, Math.max(2, Math.floor(cores / 2)));
}

/**
 * Start ONNX Runtime.
 * @param binary its WebAssembly
 * @param glue the address of the module that belongs to it
 */
export async function startRuntime(provider: Provider, build: Build, binary: ArrayBuffer, glue: string): Promise<Runtime> {
  const ort: typeof Ort =
    build === "wasm"
      ? await import("onnxruntime-web/wasm")
      : build === "jspi"
        ? await import("onnxruntime-web/jspi")
        : await import("onnxruntime-web/webgpu");
  ort.env.wasm.wasmBinary = binary;
  ort.env.wasm.wasmPaths = { mjs: glue };
  ort.env.wasm.numThreads = threadsFor(provider);
  ort.env.logLevel = "error";
  const runtime: Runtime = {
    provider,
    threads: ort.env.wasm.numThreads,
    leave(why) {
      if (runtime.provider === "webgpu") console.warn(`The graphics processor is left: ${why}`);
      runtime.provider = "wasm";
    },
    async session(model, weights = {}) {
      const held = new Held(ort, runtime, model, weights);
      await inTurn(() => held.make());
      watch();
      return {
        run(feeds) {
          const tensors: Record<string, Ort.Tensor> = {};
          for (const [name, [data, shape]] of Object.entries(feeds)) tensors[name] = new ort.Tensor("float32", data, shape);
          return inTurn(() => held.run(tensors));
        },
      };
    },
  };

  let running: Promise<unknown> = Promise.resolve();

  /** Sessions take turns: one of a graphics processor refuses two at once. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = running.then(act);
    running = mine.catch(() => {});
    return mine;
  }

  let watched = false;

  /** Leave a graphics processor that is taken away. */
  function watch(): void {
    if (watched || runtime.provider === "wasm") return;
    watched = true;
    void Promise.resolve(ort.env.webgpu.device as unknown as GpuDevice)
      .then((device) => device.lost)
      .then(({ message }) => {
        runtime.leave(message);
        runtime.onLost?.(new Error(message));
      });
  }

  return runtime;
}

interface GpuDevice {
  lost: Promise<{ message: string }>;
}

/** A session, made again by the processor once the graphics processor has failed. */
class Held {
  #session: Ort.InferenceSession | null = null;
  #by: Provider = "wasm";

  constructor(
    readonly ort: typeof Ort,
    readonly runtime: Runtime,
    readonly model: Uint8Array,
    readonly weights: Record<string, Uint8Array>,
  ) {}

  async make(): Promise<Ort.InferenceSession> {
    for (;;) {
      const by = this.runtime.provider;
      try {
        this.#session = await this.ort.InferenceSession.create(this.model, {
          executionProviders: [by],
          externalData: Object.entries(this.weights).map(([path, data]) => ({ path, data })),
          graphOptimizationLevel: "all",
          logSeverityLevel: 3,
        });
        this.#by = by;
        return this.#session;
      } catch (error) {
        if (by === "wasm") throw error;
        this.runtime.leave(String(error));
      }
    }
  }

  async run(feeds: Record<string, Ort.Tensor>): Promise<Record<string, Float32Array>> {
    const { runtime } = this;
    for (;;) {
      const session = this.#session && this.#by === runtime.provider ? this.#session : await this.make();
      const by = this.#by;
      try {
        return await new Promise((done, failed) => {
          runtime.onLost = by === "webgpu" ? failed : null;
          ran(session, feeds).then(done, failed);
        });
      } catch (error) {
        if (by === "wasm" || (isOutOfMemory(error) && runtime.provider === by)) throw error;
        runtime.leave(String(error));
      }
    }
  }
}

async function ran(session: Ort.InferenceSession, feeds: Record<string, Ort.Tensor>): Promise<Record<string, Float32Array>> {
  const found = Object.entries(await session.run(feeds));
  return Object.fromEntries(await Promise.all(found.map(async ([name, tensor]) => [name, (await tensor.getData()) as Float32Array] as const)));
}

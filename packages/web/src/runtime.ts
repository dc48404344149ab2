// ONNX Runtime Web: which of its builds a browser takes, and sessions as functions of arrays.

import type * as Ort from "onnxruntime-web";

import { ImpastoError } from "./faults.js";

export type Provider = "webgpu" | "wasm";

/** Arrays with their shapes, by name. */
export type Feeds = Record<string, readonly [Float32Array, readonly number[]]>;

export interface Session {
  run(feeds: Feeds): Promise<Record<string, Float32Array>>;
  release(): Promise<void>;
}

export interface Runtime {
  provider: Provider;
  threads: number;
  session(model: Uint8Array): Promise<Session>;
}

/** A build of ONNX Runtime: its module and its compressed WebAssembly, under the package's own address. */
export type Build = "wasm" | "jspi" | "asyncify";

// One byte of WebAssembly's 128-bit SIMD is enough to ask for it.
const SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);

/** Say what is missing, if anything is. */
export function checkBrowser(): void {
  if (typeof WebAssembly !== "object")
    throw new ImpastoError("no-wasm", "this browser runs no WebAssembly, which painting needs", "allow it, or take another browser");
  if (!WebAssembly.validate(SIMD))
    throw new ImpastoError("no-simd", "this browser's WebAssembly is too old for painting (it lacks SIMD)", "update it, or take another browser");
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
  return Math.max(1, Math.min(4, Math.floor((navigator.hardwareConcurrency || 1) / 2)));
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
  let running: Promise<unknown> = Promise.resolve(); // sessions take turns: one of a graphics processor refuses two at once
  return {
    provider,
    threads: ort.env.wasm.numThreads,
    async session(model) {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: [provider],
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
      });
      return {
        async run(feeds) {
          const tensors: Record<string, Ort.Tensor> = {};
          for (const [name, [data, shape]] of Object.entries(feeds)) tensors[name] = new ort.Tensor("float32", data, shape);
          const mine = running.then(() => session.run(tensors));
          running = mine.catch(() => {});
          const found = await mine;
          return Object.fromEntries(
            await Promise.all(
              Object.entries(found).map(async ([name, tensor]) => [name, (await tensor.getData()) as Float32Array] as const),
            ),
          );
        },
        release: () => session.release(),
      };
    },
  };
}

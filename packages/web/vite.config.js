// dist/: impasto-web.js for pages, worker.js beside it, and ONNX Runtime's builds as chunks that are loaded when needed.

import { defaultClientConditions, defineConfig } from "vite";

export default defineConfig({
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] }, // not within the scripts
  base: "./",
  build: {
    target: "es2022",
    outDir: "dist",
    modulePreload: false,
    assetsInlineLimit: 16384, // the filters are a part of the worker
    rollupOptions: {
      input: { "impasto-web": "src/index.ts", worker: "src/worker.ts" },
      preserveEntrySignatures: "strict",
      output: { entryFileNames: "[name].js", chunkFileNames: "chunks/[name]-[hash].js" },
    },
  },
});

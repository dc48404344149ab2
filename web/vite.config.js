// dist/: the page, the engine's folder, and a service worker that knows the hash of each file that it keeps.

import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { defineConfig, transformWithEsbuild } from "vite";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const DIST = at("dist");
const version = /__version__ = "(.+)"/.exec(readFileSync(at("../src/impasto/version.py"), "utf8"))[1];
const define = { __VERSION__: JSON.stringify(version) };

/** What is fetched when it is wanted, and not on the first visit. */
const LATER = /\.xz$|^engine\/(onnx|paintings)\/|(jspi|asyncify|webgpu)|^icon-512|(LICENSE|NOTICE)$|^sw\.js$|\.map$/;

function files(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

function page() {
  return {
    name: "impasto-page",
    apply: "build",
    async closeBundle() {
      const engine = at("../packages/web/dist");
      if (!existsSync(join(engine, "files.json"))) throw new Error("packages/web is not built: make web");
      cpSync(engine, join(DIST, "engine"), { recursive: true, filter: (path) => !/[\\/]types([\\/]|$)/.test(path) });
      for (const name of ["studio.css", "icon.svg"]) cpSync(at(`../src/impasto/studio/${name}`), join(DIST, name));
      const kept = files(DIST)
        .map((path) => [relative(DIST, path).split(sep).join("/"), path])
        .filter(([name]) => !LATER.test(name))
        .map(([name, path]) => [name, createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 12)])
        .sort();
      const source = readFileSync(at("src/sw.ts"), "utf8").replace(/^(declare const .*|export \{\};)$/gm, "");
      const worker = await transformWithEsbuild(source, "sw.ts", {
        define: { ...define, FILES: JSON.stringify(Object.fromEntries(kept)) },
        minify: true,
        target: "es2022",
      });
      writeFileSync(join(DIST, "sw.js"), worker.code);
    },
  };
}

export default defineConfig({
  base: "./",
  define,
  plugins: [page()],
  build: { target: "es2022", outDir: "dist", emptyOutDir: true, modulePreload: { polyfill: false } },
  server: { fs: { allow: [".."] } },
});

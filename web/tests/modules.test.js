import { expect, test } from "vitest";

/** @type {Record<string, string>} */
const sources = import.meta.glob("../../src/impasto/studio/**/*.js", { query: "?raw", import: "default", eager: true });
const modules = Object.entries(sources);
const IMPORTED = /\bfrom\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']/g;

test("there are modules", () => expect(modules).not.toEqual([]));

test("modules import each other by relative paths only, so that they need no build and no other host", () => {
  const foreign = modules.flatMap(([path, text]) =>
    [...text.matchAll(IMPORTED)]
      .map((found) => found[1] ?? found[2])
      .filter((name) => !/^\.{1,2}\//.test(name) || !name.endsWith(".js"))
      .map((name) => `${path}: ${name}`),
  );
  expect(foreign).toEqual([]);
});

test("modules name no address of another host", () => {
  const hosts = modules.flatMap(([path, text]) =>
    [...text.matchAll(/https?:\/\/[\w.-]+/g)]
      .map((found) => found[0])
      .filter((address) => address !== "http://www.w3.org") // the name of SVG
      .map((address) => `${path}: ${address}`),
  );
  expect(hosts).toEqual([]);
});

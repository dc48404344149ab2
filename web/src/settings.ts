// Where the engine's files are, and whether the graphics processor is asked.

export const BASE_OF_ENGINE = new URL("engine/", document.baseURI).href;

const VISITED = "impasto-web:visited";

/**
 * The first visit is WebAssembly's, which is 5.5 MB. The build for graphics processors takes 2.5 MB more, and is fetched
 * by visitors who come back. "?provider=wasm" and "?provider=webgpu" choose.
 */
export function wantsGraphics(): boolean {
  const said = new URLSearchParams(location.search).get("provider");
  if (said) return said !== "wasm";
  try {
    const visited = localStorage.getItem(VISITED) !== null;
    localStorage.setItem(VISITED, "1");
    return visited;
  } catch {
    return false;
  }
}

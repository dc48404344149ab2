// The service worker: the page's own files by their hashes, what is shared with the app, and isolation where the host
// gives none. The engine's large files are kept by the engine itself, unpacked.

export {};

declare const self: ServiceWorkerGlobalScope;
declare const FILES: Record<string, string>; // path: hash; the build puts them here

const SHELL = `impasto-shell-${__VERSION__}`;
const LATER = "impasto-later"; // what is asked for now and then: paintings in full, other builds
const SHARED = "impasto-shared";
const SCOPE = new URL("./", self.location.href).href;

const keyOf = (path: string) => `${SCOPE}${path}?hash=${FILES[path]}`;

self.addEventListener("install", (event) => event.waitUntil(install()));

/** Fetch what has changed; a file that an earlier version had too is taken from there. */
async function install(): Promise<void> {
  const cache = await caches.open(SHELL);
  await Promise.all(
    Object.keys(FILES).map(async (path) => {
      if (await cache.match(keyOf(path))) return;
      const answer = (await caches.match(keyOf(path))) ?? (await fetch(SCOPE + path, { cache: "no-cache" }));
      if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
      await cache.put(keyOf(path), answer);
    }),
  );
}

self.addEventListener("activate", (event) => event.waitUntil(activate()));

async function activate(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith("impasto-shell-") && name !== SHELL) await caches.delete(name);
  const cache = await caches.open(SHELL);
  const wanted = new Set(Object.keys(FILES).map(keyOf));
  for (const request of await cache.keys()) if (!wanted.has(request.url)) await cache.delete(request);
  await self.clients.claim();
}

self.addEventListener("message", (event) => {
  if (event.data === "take over") void self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (!request.url.startsWith(SCOPE)) return;
  const path = decodeURIComponent(url.pathname).slice(new URL(SCOPE).pathname.length);
  if (request.method === "POST" && path === "share") return event.respondWith(take(request));
  if (request.method !== "GET") return;
  const name = path === "" ? "index.html" : path;
  if (name in FILES) event.respondWith(kept(name, request));
  else if (/^engine\/(paintings|chunks)\/|\.mjs$/.test(name)) event.respondWith(later(request));
});

async function kept(path: string, request: Request): Promise<Response> {
  const found = (await (await caches.open(SHELL)).match(keyOf(path))) ?? (await fetch(request));
  return isolated(found);
}

async function later(request: Request): Promise<Response> {
  const cache = await caches.open(LATER);
  const found = await cache.match(request);
  if (found) return isolated(found);
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone()).catch(() => {});
  return isolated(answer);
}

/** A page that is isolated from others may use threads. */
function isolated(answer: Response): Response {
  if (!answer.body || answer.type === "opaque" || answer.type === "opaqueredirect") return answer;
  const headers = new Headers(answer.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
}

/** Keep what was shared until the page asks for it. */
async function take(request: Request): Promise<Response> {
  try {
    const files = (await request.formData()).getAll("photos").filter((one): one is File => one instanceof File);
    const cache = await caches.open(SHARED);
    for (const [index, file] of files.entries()) {
      const headers = { "Content-Type": file.type, Name: encodeURIComponent(file.name) };
      await cache.put(`${SCOPE}shared/${Date.now()}-${index}`, new Response(file, { headers }));
    }
  } catch {
    // the page says that there is nothing
  }
  return Response.redirect("./?shared", 303);
}

// The app around the studio: its service worker, what is shared with it or opened with it, and new versions.

import type { Studio } from "../../src/impasto/studio/studio.js";
import { words } from "./words.js";

const PATIENCE = 4000; // milliseconds for the service worker to begin
const SHARED = "impasto-shared";

/** Files that the system opens with an installed app. */
interface LaunchQueue {
  setConsumer(take: (params: { files?: readonly { getFile(): Promise<File> }[] }) => void): void;
}

export class Shell {
  private constructor(readonly registration: ServiceWorkerRegistration | null) {}

  /** Let the service worker keep the page, where there may be one. */
  static async start(): Promise<Shell> {
    if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return new Shell(null);
    try {
      const registration = await navigator.serviceWorker.register("./sw.js", { updateViaCache: "none" });
      await Promise.race([navigator.serviceWorker.ready, new Promise((done) => setTimeout(done, PATIENCE))]);
      return new Shell(registration);
    } catch {
      return new Shell(null); // a private window, or a full disk
    }
  }

  /**
   * Bring the studio what was shared, and tell it of new versions.
   * @param kept whether the browser keeps the engine for use without a connection
   */
  async bringTo(studio: Studio, kept: boolean): Promise<void> {
    const bring = async (files: readonly File[]) => {
      await ready(studio);
      if (files.length) await studio.app?.bring(files);
    };
    const launch = (window as { launchQueue?: LaunchQueue }).launchQueue;
    launch?.setConsumer(({ files = [] }) => void Promise.all(files.map((one) => one.getFile())).then(bring));
    if (new URLSearchParams(location.search).has("shared")) {
      history.replaceState(null, "", "./");
      await shared().then(bring, () => this.#say(studio, words.noShared));
    }
    const { registration } = this;
    if (!registration) return;
    if (!kept) this.#say(studio, words.notKept);
    const waiting = () => registration.waiting && this.#offer(studio, registration.waiting);
    waiting();
    registration.addEventListener("updatefound", () => {
      const coming = registration.installing;
      coming?.addEventListener("statechange", () => {
        if (coming.state === "installed" && navigator.serviceWorker.controller) waiting();
        if (coming.state === "redundant" && !navigator.serviceWorker.controller) this.#say(studio, words.notKept);
      });
    });
  }

  /** A new version waits until the visitor wants it: nothing of what is open is lost by it. */
  #offer(studio: Studio, waiting: ServiceWorker): void {
    void ready(studio).then(() =>
      studio.app?.say({
        text: words.update,
        kind: "note",
        action: words.loadIt,
        act: () => {
          navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
          waiting.postMessage("take over");
        },
      }),
    );
  }

  #say(studio: Studio, text: string): void {
    void ready(studio).then(() => studio.app?.note(text));
  }
}

/** Once the studio shows its first photo. */
async function ready(studio: Studio): Promise<void> {
  while (!studio.app?.brought) await new Promise((done) => setTimeout(done, 50));
}

/** The files that the service worker has kept of what was shared. */
async function shared(): Promise<File[]> {
  const cache = await caches.open(SHARED);
  const found: File[] = [];
  for (const request of await cache.keys()) {
    const answer = await cache.match(request);
    await cache.delete(request);
    if (!answer) continue;
    const data = await answer.blob();
    found.push(new File([data], decodeURIComponent(answer.headers.get("Name") ?? "shared.jpg"), { type: data.type }));
  }
  return found;
}

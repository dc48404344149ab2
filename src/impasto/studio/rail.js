// Below the canvas: the photos that were brought, or a clip's key frames and what of it is painted.

import { addressOf, button, el, fill, refill, slider } from "./dom.js";
import { words } from "./words.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./painter.js").Painter} Painter
 * @typedef {import("./app.js").Brought} Brought
 */

const FRAMES = 8;
const SIDE = 160;

export class Rail {
  /** @param {App} app @param {Painter} painter */
  constructor(app, painter) {
    this.app = app;
    this.painter = painter;
    /** @type {Map<string, string>} addresses of small pictures */
    this.pictures = new Map();
    /** @type {[number, number]} seconds of the clip that are painted */
    this.range = [0, 0];
    /** @type {Map<string, [number, number]>} those of each clip */
    this.ranges = new Map(app.store.get("ranges", /** @type {[string, [number, number]][]} */ ([])));
    this.clip = "";
    this.photos = el("div", { class: "photos", role: "group", "aria-label": words.photos });
    this.film = el("div", { class: "film", hidden: true });
    this.element = el("section", { class: "rail", "aria-label": words.photos, hidden: true }, this.photos, this.film);
    this.stopping = new AbortController();
    app.on("photos", () => this.#draw());
    painter.addEventListener("painted", () => {
      if (!app.moving) void this.#frames();
    });
  }

  #draw() {
    const { app } = this;
    for (const key of [...this.ranges.keys()]) if (!app.photos.has(key)) this.ranges.delete(key);
    for (const key of [...this.pictures.keys()]) if (!app.photos.has(key.split(" ")[0])) this.pictures.delete(key);
    const several = app.photos.size > 1;
    const clip = app.brought?.photo.kind === "clip";
    this.element.hidden = !several && !clip;
    this.photos.hidden = !several;
    refill(this.photos, ...(several ? [...app.photos.values()].map((one) => this.#photo(one)) : []));
    this.film.hidden = !clip;
    if (clip && app.brought && this.clip !== app.brought.key) this.#film(app.brought);
  }

  /** @param {Brought} one */
  #photo(one) {
    const chosen = one.key === this.app.state.photo;
    const image = el("img", { alt: "" });
    const part = (/** @type {string} */ name) => ({ "data-part": `${one.key} ${name}` });
    void this.#small(one, 0).then((address) => address && (image.src = address));
    return el(
      "div",
      { class: "brought" },
      el("button", { type: "button", "aria-pressed": String(chosen), title: one.name, "aria-label": one.name, ...part("choose"), on: { click: () => this.app.choose(one.key) } }, image),
      button("✕", () => this.app.removePhoto(one.key), { "aria-label": words.removePhoto(one.name), class: "quiet", ...part("remove") }),
    );
  }

  /** @param {Brought} one @param {number} at */
  async #small(one, at) {
    const key = `${one.key} ${at}`;
    if (!this.pictures.has(key)) {
      try {
        const picture = await this.app.engine.photo(one.photo, { side: SIDE, ...(one.photo.kind === "clip" ? { at } : {}) });
        this.pictures.set(key, addressOf(picture));
        picture.close();
      } catch {
        return ""; // the engine has forgotten it; it is brought again once it is chosen
      }
    }
    return this.pictures.get(key) ?? "";
  }

  /** @param {Brought} one */
  #film(one) {
    this.clip = one.key;
    const seconds = one.photo.seconds ?? 1;
    this.range = this.ranges.get(one.key) ?? [0, Math.min(seconds, this.app.limits.clip_seconds, 10)];
    this.#keep(one.key);
    const times = Array.from({ length: FRAMES }, (_, index) => (seconds * (index + 0.5)) / FRAMES);
    this.frames = times.map((at) => {
      const image = el("img", { alt: "" });
      const element = el(
        "button",
        { type: "button", "aria-label": words.frameAt(at), title: words.frameAt(at), on: { click: () => this.app.seek(at) } },
        image,
        el("span", {}, words.time(at)),
      );
      void this.#small(one, at).then((address) => address && !image.src && (image.src = address));
      return { at, image, element };
    });
    const step = Math.max(0.04, seconds / 500);
    const set = (/** @type {0 | 1} */ end, /** @type {number} */ value) => {
      this.range[end] = value;
      if (this.range[0] > this.range[1]) this.range[1 - end] = value;
      from.set(this.range[0]);
      to.set(this.range[1]);
    };
    const make = (/** @type {0 | 1} */ end, /** @type {string} */ label) =>
      slider({
        label,
        low: 0,
        high: seconds,
        step,
        usual: end ? seconds : 0,
        show: words.time,
        move: (value) => set(end, value),
        settle: (value) => {
          set(end, value);
          this.#keep(one.key);
          this.app.seek(Math.min(value, seconds - 0.05));
        },
      });
    const from = make(0, words.from);
    const to = make(1, words.to);
    from.set(this.range[0]);
    to.set(this.range[1]);
    fill(
      this.film,
      el("div", { class: "frames" }, ...this.frames.map((frame) => frame.element)),
      el("div", { class: "range" }, from.element, to.element),
    );
  }

  /** @param {string} clip */
  #keep(clip) {
    this.ranges.set(clip, this.range);
    this.app.store.set("ranges", [...this.ranges]);
  }

  /** Paint the key frames as the look says, one after the other. */
  async #frames() {
    const { app, painter } = this;
    const brought = app.brought;
    if (brought?.photo.kind !== "clip" || !this.frames) return;
    this.stopping.abort();
    const { signal } = (this.stopping = new AbortController());
    const frames = this.frames;
    try {
      const request = await painter.whole({ ...app.look, layers: app.look.layers.filter((layer) => layer.found) });
      for (const frame of frames) {
        while (painter.busy && !signal.aborted) await new Promise((done) => setTimeout(done, 40));
        const picture = await app.engine.painted(brought.photo, request, { side: SIDE, at: frame.at, signal });
        frame.image.src = addressOf(picture);
        picture.close();
      }
    } catch {
      // the plain frames stay
    }
  }
}

// Keeps the canvas's picture up to date: asks the engine for what is missing, the newest wish first, and mixes.

import { Fault } from "./engine.js";
import { same } from "./look.js";
import { Mixer, maskOf } from "./mix.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./look.js").Look} Look
 * @typedef {import("./look.js").Layer} Layer
 * @typedef {import("./engine.js").Photo} Photo
 * @typedef {import("./engine.js").Request} Request
 * @typedef {import("./mix.js").Part} Part
 */

/** Pixels of the longer side: of the canvas's picture, of its first step, of a draft while something moves. */
export const SIDE = 1280;
const FIRST = 640;
const DRAFT = 320;
const DETAILED = 800; // fine detail shows above the size in which it is painted, and costs no painting
const MOST = 40; // pictures that are kept

/** What the engine paints, at full strength, of the ground or a layer: what it is besides is mixed in the browser. */
export class Painter extends EventTarget {
  /** @param {App} app */
  constructor(app) {
    super();
    this.app = app;
    this.mixer = new Mixer();
    /** @type {Map<string, ImageBitmap | HTMLCanvasElement>} */
    this.kept = new Map();
    /** @type {Map<string, {picture: Promise<ImageBitmap | HTMLCanvasElement>, signal: AbortSignal}>} */
    this.coming = new Map();
    /** @type {ImageBitmap | null} */
    this.before = null;
    /** @type {HTMLCanvasElement | null} the picture as it is shown */
    this.picture = null;
    /** @type {{look: Look, hand: string, parts: (ImageBitmap | HTMLCanvasElement | null)[], draft: boolean} | null} */
    this.painted = null;
    this.busy = false;
    /** @type {{draft: boolean} | null} */
    this.wanted = null;
    this.stopping = new AbortController();
    /** What is painted: another photo, or another moment of a clip, is another subject. */
    this.subject = "";
    this.seconds = 0; // that the last painting took
    this.mixed = 0; // milliseconds that the last mixing took
    app.on("look", () => this.wish());
    app.on("photos", () => this.wish());
  }

  /** The state of the app has changed: show what can be shown at once, and ask for the rest. */
  wish() {
    const { app } = this;
    if (!app.brought) return;
    const draft = app.moving !== null;
    if (this.painted && this.#mixable(app.look)) {
      this.wanted = null; // what is under way is not wanted any more
      this.stopping.abort();
      this.mix(draft);
      return;
    }
    if (!draft) this.stopping.abort();
    this.wanted = { draft };
    if (!this.busy) void this.#work();
  }

  /** Whether what is painted is what a look wants, but for what is mixed here. @param {Look} look */
  #mixable(look) {
    const { painted, app } = this;
    if (!painted || this.subject !== subjectOf(app) || (painted.draft ? app.moving === null : painted.hand !== app.hand)) return false;
    return same(this.#keys(look), this.#keys(painted.look)) && look.layers.every((layer) => this.#maskThere(layer));
  }

  /** @param {Layer} layer */
  #maskThere(layer) {
    if (layer.found) return this.kept.has(this.#maskKey(layer.found));
    return !layer.mask || this.app.drawn.has(layer.mask);
  }

  /** What the engine paints for a look: one for the ground, one for each layer. @param {Look} look */
  #keys(look) {
    return [null, ...look.layers].map((layer) => {
      const request = this.request(look, layer);
      return request && JSON.stringify(request);
    });
  }

  /**
   * The ground's or a layer's painting at full strength.
   * @param {Look} look
   * @param {Layer | null} layer null for the ground
   * @param {string} hand
   * @returns {Request | null} null where the photo is left
   */
  request(look, layer, hand = this.app.hand) {
    if (layer?.style === "none") return null;
    const styles = layer?.style ? [{ style: layer.style, weight: 1 }] : look.styles;
    const shown = styles.length > 1 ? styles.filter((share) => share.weight > 0) : styles;
    const { keep_color, boldness, detail } = look.controls;
    return {
      ...(hand && { engine: hand }),
      styles: shown.map((share) => /** @type {const} */ ([this.app.reference(share.style), share.weight])),
      controls: {
        brush_size: layer?.brush_size ?? look.controls.brush_size,
        boldness,
        detail,
        keep_color: keep_color === "luminance" ? "none" : keep_color,
      },
      regions: [],
    };
  }

  async #work() {
    this.busy = true;
    this.dispatchEvent(new Event("busy"));
    while (this.wanted) {
      const { draft } = this.wanted;
      this.wanted = null;
      this.stopping = new AbortController();
      try {
        await this.#paint(draft, this.stopping.signal);
      } catch (error) {
        if (!this.wanted) this.app.fail(error);
      }
    }
    this.busy = false;
    this.dispatchEvent(new Event("busy"));
  }

  /** @param {boolean} draft @param {AbortSignal} signal */
  async #paint(draft, signal) {
    const { app } = this;
    const { look, hand: chosen } = app;
    const subject = subjectOf(app);
    if (!app.brought) return;
    const began = performance.now();
    if (this.subject !== subject) {
      const photo = await this.#bitmap(`${subject} before`, signal, () => this.photo({ side: SIDE, signal }));
      if (subject !== subjectOf(app)) return;
      this.subject = subject;
      this.before = /** @type {ImageBitmap} */ (photo);
      this.painted = null;
      this.picture = null;
      this.dispatchEvent(new Event("before"));
    }
    // A settled picture comes in steps: at the size in which it is painted, by a quick hand first, and then enlarged.
    const quick = app.limits.hands?.[0] ?? "";
    const detailed = this.#onlyDetail(look);
    /** @type {[number, string][]} */
    const steps = draft ? [detailed ? [DETAILED, chosen] : [DRAFT, quick]] : [[FIRST, chosen], [SIDE, chosen]];
    if (!draft && !detailed && chosen !== quick) steps.unshift([FIRST, quick]);
    for (const [side, hand] of steps) {
      const wanted = [null, ...look.layers].map((layer) => this.#part(look, layer, side, hand, signal));
      const masks = look.layers.map((layer) => layer.found && this.found(layer.found, signal));
      const [parts] = await Promise.all([Promise.all(wanted), Promise.all(masks)]);
      if (signal.aborted || subject !== subjectOf(app)) return;
      const changed = !same(this.#keys(look), this.#keys(app.look));
      this.painted = { look, hand, parts, draft: side !== SIDE };
      this.seconds = (performance.now() - began) / 1000;
      this.mix(draft, changed ? look : app.look);
      if (changed) return;
    }
  }

  /** Whether a look differs from what is painted in its fine detail alone. @param {Look} look */
  #onlyDetail(look) {
    if (this.painted?.hand !== this.app.hand) return false;
    const { detail } = this.painted.look.controls;
    return same(this.#keys({ ...look, controls: { ...look.controls, detail } }), this.#keys(this.painted.look));
  }

  /**
   * What is painted of the ground or a layer, at a size.
   * @param {Look} look
   * @param {Layer | null} layer
   * @param {number} side
   * @param {string} hand
   * @param {AbortSignal} signal
   */
  async #part(look, layer, side, hand, signal) {
    const { app } = this;
    const request = this.request(look, layer, hand);
    if (!request) return null;
    return this.#bitmap(`${subjectOf(app)} ${side} ${JSON.stringify(request)}`, signal, () =>
      // The request is made anew, since what was forgotten has another name once it is brought again.
      app.withHeld(() => app.engine.painted(this.#photo(), this.request(look, layer, hand) ?? request, this.#view(side, signal))),
    );
  }

  #photo() {
    if (!this.app.brought) throw new Fault("there is no photo");
    return this.app.brought.photo;
  }

  /** @param {number} side @param {AbortSignal} [signal] */
  #view(side, signal) {
    const clip = this.app.brought?.photo.kind === "clip";
    return { side, signal, ...(clip ? { at: this.app.state.at } : {}) };
  }

  /** @param {{side: number, signal?: AbortSignal}} view */
  photo({ side, signal }) {
    return this.app.withHeld(() => this.app.engine.photo(this.#photo(), this.#view(side, signal)));
  }

  /** @param {string} of */
  #maskKey(of) {
    return `${subjectOf(this.app)} mask ${of}`;
  }

  /**
   * A mask that finds itself.
   * @param {string} of person, background, faces
   * @param {AbortSignal} signal
   */
  found(of, signal) {
    return this.#bitmap(this.#maskKey(of), signal, async () =>
      maskOf(await this.app.withHeld(() => this.app.engine.mask(this.#photo(), of, this.#view(SIDE, signal)))),
    );
  }

  /**
   * A picture that is under way already, for another layer say, or is made now.
   * @param {string} key
   * @param {AbortSignal} signal
   * @param {() => Promise<ImageBitmap | HTMLCanvasElement>} make
   */
  #coming(key, signal, make) {
    const before = this.coming.get(key);
    if (before && !before.signal.aborted) return before.picture;
    const picture = make().finally(() => this.coming.get(key)?.picture === picture && this.coming.delete(key));
    this.coming.set(key, { picture, signal });
    return picture;
  }

  /**
   * A picture that is kept, or is made now.
   * @param {string} key
   * @param {AbortSignal} signal
   * @param {() => Promise<ImageBitmap | HTMLCanvasElement>} make
   */
  async #bitmap(key, signal, make) {
    const found = this.kept.get(key) ?? (await this.#coming(key, signal, make));
    this.kept.delete(key);
    this.kept.set(key, found);
    for (const [oldest, picture] of this.kept) {
      if (this.kept.size <= MOST) break;
      this.kept.delete(oldest);
      if (picture instanceof ImageBitmap && !this.#shown(picture)) picture.close();
    }
    return found;
  }

  /** @param {ImageBitmap} picture */
  #shown(picture) {
    return picture === this.before || !!this.painted?.parts.includes(picture);
  }

  /** @param {Layer} layer @returns {HTMLCanvasElement | ImageBitmap | null} */
  maskOf(layer) {
    if (layer.found) return this.kept.get(this.#maskKey(layer.found)) ?? null;
    return this.app.drawn.get(layer.mask) ?? null;
  }

  /**
   * Mix what is painted, as the look says.
   * @param {boolean} draft fast
   * @param {Look} look
   */
  mix(draft = false, look = this.app.look) {
    if (!this.before || !this.painted) return;
    /** @type {Part[]} */
    const parts = [{ picture: this.painted.parts[0], share: 1, mask: null }];
    look.layers.forEach((layer, index) => {
      const mask = this.maskOf(layer);
      const picture = this.painted?.parts[index + 1] ?? null;
      if (mask) parts.push({ picture, share: (layer.strength ?? 100) / 100, mask });
    });
    const began = performance.now();
    const slow = look.controls.keep_color === "luminance" || look.controls.tone === "match";
    const alpha = !!this.app.brought?.photo.alpha;
    this.picture = this.mixer.mix(this.before, parts, look.controls, alpha, draft && slow ? 0.5 : 1);
    this.mixed = performance.now() - began;
    this.dispatchEvent(new Event("painted"));
  }

  /**
   * The whole look as one request, for crops and exports: with masks as the engine has them.
   * @param {Look} look
   * @returns {Promise<Request>}
   */
  async whole(look) {
    const layers = look.layers.filter((layer) => layer.found || layer.mask);
    const regions = await Promise.all(
      layers.map(async (layer) => ({
        mask: layer.found || (await this.app.maskId(layer.mask)),
        style: layer.style && this.app.reference(layer.style),
        strength: layer.strength,
        brush_size: layer.brush_size,
      })),
    );
    const styles = look.styles.filter((share) => share.weight > 0);
    return {
      ...(this.app.hand && { engine: this.app.hand }),
      styles: styles.map((share) => /** @type {const} */ ([this.app.reference(share.style), share.weight])),
      controls: look.controls,
      regions,
    };
  }

  /**
   * A part of the final picture, pixel for pixel.
   * @param {readonly [number, number, number, number]} crop
   * @param {boolean} before of the photo instead
   * @param {AbortSignal} signal
   */
  async crop(crop, before, signal) {
    const { look } = this.app;
    const shown = before ? { ...look, layers: [], controls: { ...look.controls, strength: 0 } } : look;
    return this.app.withHeld(async () =>
      this.app.engine.painted(this.#photo(), await this.whole(shown), { ...this.#view(SIDE, signal), crop }),
    );
  }
}

/** What the app is about now. @param {App} app @returns {string} */
function subjectOf(app) {
  const { brought, state } = app;
  return `${state.photo} ${brought?.photo.kind === "clip" ? state.at : 0}`;
}

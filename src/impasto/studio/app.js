// The state of a visit: photos, paintings of one's own, the look, undo; and who is told when it changes.

import { Fault, faultOf, sentence } from "./engine.js";
import { stemOf } from "./fields.js";
import { FIRST, lookOfSettings, newKey, readLook, same, without, withStyle } from "./look.js";
import { fileOfMask, maskOf } from "./mix.js";
import { wearPreset } from "./presets.js";
import { Undo } from "./undo.js";
import { words } from "./words.js";

/**
 * @typedef {import("./engine.js").Engine} Engine
 * @typedef {import("./engine.js").Limits} Limits
 * @typedef {import("./engine.js").Photo} Photo
 * @typedef {import("./engine.js").Style} Style
 * @typedef {import("./look.js").Look} Look
 * @typedef {import("./store.js").Store} Store
 *
 * @typedef {object} Brought  A photo, a clip or a painting that the visitor has brought.
 * @property {string} key
 * @property {string} name
 * @property {Photo} photo as the engine holds it
 *
 * @typedef {object} State  What undo goes back to.
 * @property {string} photo a key
 * @property {number} at seconds in a clip
 * @property {Look} look
 *
 * @typedef {object} Message
 * @property {string} text "" takes away what was said of this kind
 * @property {"note" | "fault" | "busy"} kind
 * @property {string} [action] a button's label
 * @property {() => void} [act]
 */

const SAMPLE = "sample";
const MOST_MASKS = 12; // that are held in memory beside those of the look

/** Events: photos, look, styles, message. */
export class App extends EventTarget {
  /**
   * @param {Engine} engine
   * @param {Store} store
   * @param {string} home the address of the studio's own files
   */
  constructor(engine, store, home) {
    super();
    this.engine = engine;
    this.store = store;
    this.home = home;
    /** @type {Limits} */
    this.limits = /** @type {any} */ (null);
    /** @type {Style[]} */
    this.styles = [];
    /** @type {Map<string, Brought>} */
    this.photos = new Map();
    /** @type {Map<string, Brought>} */
    this.own = new Map();
    /** @type {Map<string, HTMLCanvasElement>} */
    this.drawn = new Map();
    /** @type {Map<string, Promise<string>>} */
    this.maskIds = new Map();
    /** @type {Map<string, Promise<Photo>>} */
    this.reopening = new Map();
    /** @type {Map<string, readonly import("./look.js").Layer[]>} the parts of photos that are not shown now */
    this.parts = new Map();
    /** @type {Undo<State>} */
    this.undo = new Undo({ photo: "", at: 0, look: FIRST });
    /** @type {Look | null} */
    this.moving = null;
    /** Whether something else wants all of the engine. */
    this.stripRests = false;
    /** Which engine paints, and which one is to; "" where there is no choice. */
    this.hand = "";
    this.wantedHand = "";
  }

  /** @returns {State} */
  get state() {
    return this.undo.now;
  }

  /** The look as it is, also while a slider moves. */
  get look() {
    return this.moving ?? this.undo.now.look;
  }

  /** @returns {Brought | undefined} */
  get brought() {
    return this.photos.get(this.state.photo);
  }

  /** @param {string} name */
  tell(name) {
    this.dispatchEvent(new Event(name));
  }

  /** @param {string} name @param {() => void} listen */
  on(name, listen) {
    this.addEventListener(name, listen);
  }

  /** @param {Message} message */
  say(message) {
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  /** @param {string} text */
  note(text) {
    this.say({ text: sentence(text), kind: "note" });
  }

  /** @param {unknown} error */
  fail(error) {
    const fault = faultOf(error);
    if (fault) this.say({ text: fault.text, kind: "fault" });
  }

  /** Paint by another engine, once what it needs is there. @param {string} name */
  async setHand(name) {
    this.wantedHand = name;
    this.tell("look"); // the choice is shown
    const wanted = () => this.wantedHand === name;
    try {
      await this.engine.prepare?.(name, (share) => wanted() && this.say({ text: words.fetching(share), kind: "busy" }));
      if (!wanted()) return;
      this.hand = name;
      this.store.set("hand", name);
    } catch (error) {
      if (!wanted()) return;
      this.wantedHand = this.hand;
      this.fail(error);
    }
    this.say({ text: "", kind: "busy" });
    this.tell("look");
  }

  /** Begin: with what an earlier visit has left, or with the sample. */
  async start() {
    [this.limits, this.styles] = await Promise.all([this.engine.limits(), this.engine.styles()]);
    this.hand = this.wantedHand = this.limits.hands?.[0] ?? "";
    for (const [kept, into] of /** @type {const} */ ([["photos", this.photos], ["own", this.own]]))
      for (const one of this.store.get(kept, /** @type {Brought[]} */ ([])))
        if (one?.key && one.photo?.id) into.set(one.key, one);
    for (const [key, layers] of this.store.get("parts", /** @type {[string, import("./look.js").Layer[]][]} */ ([])))
      this.parts.set(key, readLook({ layers }).layers);
    this.tell("styles");
    const before = this.store.get("state", /** @type {State | null} */ (null));
    const look = without(readLook(before?.look), (style) => this.#known(style));
    await this.loadMasks(look);
    const photo = before && this.photos.has(before.photo) ? before.photo : "";
    this.undo = new Undo({ photo, at: Number(before?.at) || 0, look });
    if (photo) {
      try {
        await this.held(/** @type {Brought} */ (this.brought));
      } catch (error) {
        if (!(error instanceof Fault && error.code === "gone")) throw error; // it may be there the next time
        this.fail(error);
        this.photos.delete(photo);
        this.undo.now = { ...this.undo.now, photo: "" };
      }
    }
    if (!this.state.photo) await this.#openSample();
    this.tell("photos");
    this.tell("look");
    this.#save();
    const hand = this.store.get("hand", "");
    if (hand !== this.hand && this.limits.hands?.includes(hand)) void this.setHand(hand);
    const versions = this.store.get("versions", /** @type {{look: Look}[]} */ ([])).map((one) => readLook(one.look));
    const layers = [...this.parts.values(), look.layers, ...versions.map((one) => one.layers)].flat();
    void this.store.sweep(new Set([...this.photos.keys(), ...this.own.keys(), ...layers.map((layer) => layer.mask)]));
  }

  async #openSample() {
    const answer = await fetch(`${this.home}sample.jpg`);
    if (!answer.ok) throw new Fault("the sample photo is missing", "open one of your own");
    const photo = await this.engine.open(await answer.blob(), "colosseum.jpg");
    this.photos.set(SAMPLE, { key: SAMPLE, name: photo.name, photo });
    this.undo.now = { ...this.undo.now, photo: SAMPLE, at: 0 };
  }

  /** @param {string} style */
  #known(style) {
    return style.startsWith("own:") ? this.own.has(style.slice(4)) : this.styles.some((one) => one.name === style);
  }

  // Photos and paintings.

  /**
   * Bring some files: photos, clips, pictures that were saved here, presets.
   * @param {readonly File[]} files
   * @param {"photo" | "style"} as
   */
  async bring(files, as = "photo") {
    this.say({ text: "", kind: "fault" }); // what was wrong with those before is over
    for (const [index, file] of files.entries()) {
      try {
        if (/\.json$/i.test(file.name) || file.type === "application/json") {
          const given = JSON.parse(await file.text());
          if (!given?.styles || !given.controls) throw new SyntaxError();
          await wearPreset(this, given);
          this.note(words.presetOpened(file.name));
          continue;
        }
        if (file.size > this.limits.max_upload)
          throw new Fault(words.tooLarge(file.name, file.size / 1e6, this.limits.max_upload / 1e6), "", "too-large");
        const say = (/** @type {number} */ share) =>
          this.say({ text: words.opening(file.name, share, index, files.length), kind: "busy" });
        say(0);
        const photo = await this.engine.open(file, file.name, say);
        const key = newKey();
        void this.store.keep(key, { name: file.name, data: file });
        this.say({ text: "", kind: "busy" });
        if (as === "style") this.#addStyle(key, photo);
        else this.#addPhoto(key, photo);
      } catch (error) {
        this.say({ text: "", kind: "busy" });
        this.fail(error instanceof SyntaxError ? new Fault(words.noPreset(file.name)) : error);
      }
    }
  }

  /** @param {string} key @param {Photo} photo */
  #addStyle(key, photo) {
    if (photo.kind !== "photo") throw new Fault(words.noPainting(photo.name));
    this.own.set(key, { key, name: photo.name, photo });
    this.tell("styles");
    this.settle(withStyle(this.look, `own:${key}`));
  }

  /** @param {string} key @param {Photo} photo */
  #addPhoto(key, photo) {
    this.photos.set(key, { key, name: photo.name, photo });
    for (const note of photo.notes) this.note(note);
    if (photo.settings && this.state.photo !== SAMPLE) {
      this.#wearSettings(photo.settings);
      this.tell("photos");
      this.say({
        text: words.settingsBack(photo.name),
        kind: "note",
        action: words.openAsPhoto,
        act: () => this.choose(key),
      });
    } else {
      this.choose(key);
      const { settings } = photo;
      if (settings)
        this.say({
          text: words.paintedHere(photo.name),
          kind: "note",
          action: words.useSettings,
          act: () => this.#wearSettings(settings),
        });
    }
    if (this.photos.has(SAMPLE) && this.state.photo !== SAMPLE) this.removePhoto(SAMPLE);
  }

  /** @param {Record<string, any>} settings */
  #wearSettings(settings) {
    void this.wear(lookOfSettings(settings));
    if (settings.left_out > 0) this.note(words.masksGone(settings.left_out));
  }

  /**
   * Turn to another photo. What was drawn belongs to the one before, and is there again with it.
   * @param {string} key
   */
  choose(key) {
    if (!this.photos.has(key) || key === this.state.photo) return;
    this.parts.set(this.state.photo, this.look.layers);
    const layers = this.parts.get(key) ?? this.look.layers.filter((layer) => layer.found);
    this.#add({ photo: key, at: 0, look: { ...this.look, layers } });
    this.tell("photos");
  }

  /** @param {string} key */
  removePhoto(key) {
    const found = this.photos.get(key);
    const others = [...this.photos.keys()].filter((other) => other !== key);
    if (!found || !others.length) return;
    if (this.state.photo === key) this.choose(/** @type {string} */ (others.at(-1)));
    this.photos.delete(key);
    this.parts.delete(key);
    this.undo.drop((state) => state.photo === key);
    this.engine.close(found.photo);
    void this.store.drop(key);
    this.tell("photos");
    this.tell("look");
    this.#save();
  }

  /** @param {string} key */
  removeOwn(key) {
    const found = this.own.get(key);
    if (!found) return;
    this.own.delete(key);
    this.engine.close(found.photo);
    void this.store.drop(key);
    this.stylesChanged();
  }

  /**
   * A painting of one's own has come into the gallery.
   * @param {string} own
   * @param {string} style
   */
  async tookIn(own, style) {
    this.styles = await this.engine.styles();
    const styles = this.look.styles.map((share) => (share.style === own ? { ...share, style } : share));
    this.settle({ ...this.look, styles });
    this.removeOwn(own.slice(4));
  }

  /** What the gallery holds may have changed. */
  stylesChanged() {
    const look = without(this.look, (style) => this.#known(style));
    if (!same(look, this.look)) this.settle(look);
    this.tell("styles");
    this.#save();
  }

  async reloadStyles() {
    this.styles = await this.engine.styles();
    this.stylesChanged();
  }

  /** @param {number} at seconds */
  seek(at) {
    if (at === this.state.at) return;
    this.undo.now = { ...this.undo.now, at };
    this.tell("photos");
    this.#save();
  }

  /**
   * A photo or painting that the engine holds; brought there again if it has been forgotten.
   * @param {Brought} brought
   * @param {boolean} gone it is known to be forgotten
   * @returns {Promise<Photo>}
   */
  async held(brought, gone = false) {
    const before = this.reopening.get(brought.key);
    if (before) return before;
    const again = (async () => {
      const there = gone ? null : await this.engine.held(brought.photo.id);
      if (there) return there;
      if (brought.key === SAMPLE) {
        const data = await (await fetch(`${this.home}sample.jpg`)).blob();
        return this.engine.open(data, brought.name);
      }
      const file = await this.store.file(brought.key);
      if (!file) throw new Fault(words.gone(brought.name), words.openAgain, "gone");
      return this.engine.open(file.data, file.name);
    })();
    this.reopening.set(brought.key, again);
    try {
      brought.photo = await again;
      this.#save();
      return brought.photo;
    } finally {
      this.reopening.delete(brought.key);
    }
  }

  /**
   * Do something with what the engine holds; if that has been forgotten, bring it again and do it once more.
   * @template T
   * @param {() => Promise<T>} act
   * @returns {Promise<T>}
   */
  async withHeld(act) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Fault) || error.status !== 404) throw error;
      const styles = [...this.look.styles, ...this.look.layers].map((one) => one.style);
      const own = styles.filter((style) => style.startsWith("own:")).map((style) => this.own.get(style.slice(4)));
      this.maskIds.clear();
      for (const one of new Set([this.brought, ...own])) if (one) await this.held(one);
      return act();
    }
  }

  // The look.

  /**
   * Change the look for now, as while a slider moves; nothing is to be undone yet.
   * @param {Look} look
   */
  move(look) {
    this.moving = look;
    this.tell("look");
  }

  /**
   * Change the look, as when a slider is let go.
   * @param {Look} look
   */
  settle(look) {
    this.moving = null;
    if (same(look, this.state.look)) this.tell("look");
    else this.#add({ ...this.state, look });
  }

  /**
   * Put on a look from elsewhere: a result of before, a preset, a saved picture. What is not there any more is left
   * out, and named.
   * @param {Look} look
   */
  async wear(look) {
    await this.loadMasks(look);
    const there = without(look, (style) => this.#known(style));
    const gone = [...look.styles, ...look.layers].map((one) => one.style).filter((style) => style && style !== "none" && !this.#known(style));
    if (gone.length) this.note(words.styleGone([...new Set(gone)].map((style) => this.titleOf(style)).join(", ")));
    const none = look.styles.every((share) => !this.#known(share.style));
    this.settle(none ? { ...there, styles: this.look.styles } : there);
  }

  /** @param {State} state */
  #add(state) {
    this.moving = null;
    this.undo.add(state);
    this.#changed();
  }

  /** @param {-1 | 1} way */
  step(way) {
    this.moving = null;
    const before = this.state.photo;
    if ((way < 0 ? this.undo.undo() : this.undo.redo()) === null) return;
    const look = without(this.state.look, (style) => this.#known(style));
    void this.loadMasks(look).then(() => this.tell("look"));
    this.undo.now = { ...this.undo.now, look };
    if (before !== this.state.photo) this.tell("photos");
    this.#changed();
  }

  #changed() {
    this.tell("look");
    this.#save();
  }

  #save() {
    this.store.set("state", this.state);
    for (const [name, from] of /** @type {const} */ ([["photos", this.photos], ["own", this.own]]))
      this.store.set(name, [...from.values()]);
    this.store.set("parts", [...this.parts]);
  }

  /** A style's title, without what stands in brackets. @param {string} style @returns {string} */
  titleOf(style) {
    if (style === "none") return words.thePhoto;
    if (style.startsWith("own:")) {
      const own = this.own.get(style.slice(4));
      return own ? stemOf(own.name) : words.aPainting;
    }
    return (this.styles.find((one) => one.name === style)?.title ?? style).replace(/ \(.*\)$/, "");
  }

  /** A style as it is typed on the command line. @param {string} style */
  typed(style) {
    return style.startsWith("own:") ? (this.own.get(style.slice(4))?.name ?? "painting.jpg") : style;
  }

  /** A style as the engine knows it. @param {string} style */
  reference(style) {
    const own = style.startsWith("own:") ? this.own.get(style.slice(4)) : undefined;
    return own ? `upload:${own.photo.id}` : style;
  }

  // Masks.

  /**
   * Keep what was drawn.
   * @param {HTMLCanvasElement} mask
   * @returns {string} its key
   */
  keepMask(mask) {
    const key = `mask-${newKey()}`;
    this.drawn.set(key, mask);
    void fileOfMask(mask)
      .then((data) => this.store.keep(key, { name: `${key}.png`, data }))
      .then(() => this.#dropMasks());
    return key;
  }

  /** Let go of masks beyond the newest that no look needs now; undo brings them back from the store. */
  #dropMasks() {
    const wanted = new Set(this.look.layers.map((layer) => layer.mask));
    const others = [...this.drawn.keys()].filter((key) => key.startsWith("mask-") && !wanted.has(key));
    for (const key of others.slice(0, -MOST_MASKS)) this.drawn.delete(key);
  }

  /** Have a look's drawn masks at hand, which an earlier visit may have left. @param {Look} look */
  async loadMasks(look) {
    for (const { mask } of look.layers) {
      if (!mask || this.drawn.has(mask)) continue;
      const file = await this.store.file(mask);
      if (file) this.drawn.set(mask, maskOf(await createImageBitmap(file.data)));
    }
  }

  /** A drawn mask's place in the engine. @param {string} key @returns {Promise<string>} */
  maskId(key) {
    let id = this.maskIds.get(key);
    if (!id) {
      const mask = this.drawn.get(key);
      if (!mask) return Promise.reject(new Fault(words.maskGone));
      id = fileOfMask(mask).then(async (data) => `upload:${(await this.engine.open(data, "mask.png")).id}`);
      id.catch(() => this.maskIds.delete(key));
      this.maskIds.set(key, id);
    }
    return id;
  }

  /** Forget the whole visit, here and where the engine is. */
  async forget() {
    for (const one of [...this.photos.values(), ...this.own.values()]) this.engine.close(one.photo);
    for (const mask of this.maskIds.values()) this.engine.close({ id: (await mask).slice("upload:".length) });
    const visitor = this.store.get("visitor", "");
    await this.store.clear();
    this.store.set("visitor", visitor); // by which one's own styles are known
  }
}

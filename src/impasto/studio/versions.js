// What was painted before: each result with all its settings, to go back to or to compare.

import { addressOf, after, button, el, refill } from "./dom.js";
import { newKey, readLook, same } from "./look.js";
import { words } from "./words.js";

/**
 * @typedef {import("./app.js").App} App
 *
 * @typedef {object} Version
 * @property {string} key
 * @property {string} photo
 * @property {number} [at] seconds in a clip
 * @property {import("./look.js").Look} look
 * @property {string} [hand] that painted it, where there is a choice
 * @property {string} title
 * @property {string} picture a small one, as a data address
 * @property {boolean} starred
 */

const MOST = 24;
const SIDE = 160; // pixels of a small picture
const QUIET = 700; // milliseconds without a change, after which a result counts as one

export class Versions {
  /**
   * @param {App} app
   * @param {import("./painter.js").Painter} painter
   * @param {import("./view.js").View} view
   */
  constructor(app, painter, view) {
    this.app = app;
    this.painter = painter;
    this.view = view;
    /** @type {Version[]} newest first */
    this.all = app.store.get("versions", /** @type {Version[]} */ ([])).filter((one) => one?.key && one.look);
    /** @type {Map<string, Blob>} whole pictures, of this visit */
    this.pictures = new Map();
    /** @type {string[]} those that are compared */
    this.pair = [];
    this.list = el("ul", {});
    this.element = el("section", { class: "versions", "aria-label": words.history }, el("h2", { class: "small" }, words.history), this.list);
    this.keep = after(QUIET, () => this.#add());
    painter.addEventListener("painted", () => {
      this.#unpair();
      if (!app.moving) this.keep();
    });
    view.addEventListener("pair", () => this.#unpair());
    app.on("photos", () => this.#sift());
  }

  #unpair() {
    if (!this.pair.length) return;
    this.pair = [];
    this.#draw();
  }

  /** Forget the results of photos that are not here any more. */
  #sift() {
    const gone = this.all.filter((one) => !this.app.photos.has(one.photo));
    for (const { key } of gone) this.pictures.delete(key);
    this.all = this.all.filter((one) => !gone.includes(one));
    if (gone.length) this.#save();
    this.#draw();
  }

  #add() {
    const { app, painter } = this;
    if (app.moving || painter.busy || !painter.picture || painter.painted?.draft) return;
    const { photo, look, at } = app.state;
    const before = this.all.find((one) => one.photo === photo && (one.hand ?? "") === app.hand && same(one.look, look));
    const version = before ?? {
      key: newKey(),
      photo,
      look,
      hand: app.hand,
      title: titleOf(app),
      picture: "",
      starred: false,
    };
    if (!before || version.at !== at) Object.assign(version, { at, picture: addressOf(painter.picture, SIDE) }); // of a clip, where it was seen last
    const { key } = version;
    painter.picture.toBlob((blob) => blob && this.all.includes(version) && this.pictures.set(key, blob), "image/webp", 0.92);
    if (!before) this.all = [version, ...this.all];
    while (this.all.length > MOST) {
      const oldest = this.all.findLastIndex((one) => !one.starred);
      const [gone] = this.all.splice(oldest < 0 ? this.all.length - 1 : oldest, 1);
      this.pictures.delete(gone.key);
    }
    this.#save();
    this.#draw();
  }

  #save() {
    this.app.store.set("versions", this.all);
  }

  #draw() {
    const part = (/** @type {Version} */ one, /** @type {string} */ name) => ({ "data-part": `${one.key} ${name}` });
    refill(
      this.list,
      ...this.all
        .filter((one) => this.app.photos.has(one.photo))
        .map((one) =>
          el(
            "li",
            { class: this.pair.includes(one.key) ? "version compared" : "version" },
            el("button", { type: "button", class: "restore", title: one.title, "aria-label": words.restore(one.title.replace(" · ", " ")), ...part(one, "restore"), on: { click: () => void this.restore(one) } }, el("img", { alt: "", src: one.picture }), ...twoLines(one.title)),
            el(
              "div",
              { class: "row small" },
              button("◫", () => this.#compare(one), { "aria-pressed": String(this.pair.includes(one.key)), "aria-label": words.compareWith(one.title), title: words.compareHelp, ...part(one, "compare") }),
              button(one.starred ? "★" : "☆", () => this.#star(one), { "aria-pressed": String(one.starred), "aria-label": words.star(one.title), title: words.starHelp, ...part(one, "star") }),
            ),
          ),
        ),
    );
  }

  /** @param {Version} one */
  async restore(one) {
    const { app } = this;
    if (one.photo !== app.state.photo) app.choose(one.photo);
    if (app.brought?.photo.kind === "clip") app.seek(one.at ?? 0);
    if (one.hand && one.hand !== app.hand) void app.setHand(one.hand);
    await app.wear(readLook(one.look));
  }

  /** @param {Version} one */
  #star(one) {
    one.starred = !one.starred;
    this.#save();
    this.#draw();
  }

  /** @param {Version} one */
  #compare(one) {
    this.pair = this.pair.includes(one.key) ? this.pair.filter((key) => key !== one.key) : [...this.pair, one.key].slice(-2);
    void this.#show();
    this.#draw();
  }

  /** Two that are chosen stand side by side; one stands beside what is on the canvas. */
  async #show() {
    const { pair } = this;
    const chosen = pair.map((key) => /** @type {Version} */ (this.all.find((one) => one.key === key)));
    if (!chosen.length) return this.view.compare(null);
    const pictures = await Promise.all(chosen.map((one) => this.#picture(one)));
    if (pair !== this.pair) return; // another choice was made meanwhile
    if (pictures.length === 1 && this.painter.picture) {
      this.view.compare({ pictures: [pictures[0], this.painter.picture], labels: [chosen[0].title, words.now] });
    } else if (pictures.length === 2) {
      this.view.compare({ pictures: [pictures[0], pictures[1]], labels: [chosen[0].title, chosen[1].title] });
    }
  }

  /** A whole picture; after a reload the small one stands for it. @param {Version} one */
  async #picture(one) {
    const found = this.pictures.get(one.key);
    if (found) return createImageBitmap(found);
    const image = new Image();
    image.src = one.picture;
    await image.decode();
    return image;
  }
}

/** The styles, and below them what else sets it apart. @param {string} title */
function twoLines(title) {
  const [styles, ...others] = title.split(" · ");
  return [el("span", {}, styles), " ", el("span", { class: "dim" }, others.join(" · "))];
}

/** @param {App} app */
function titleOf(app) {
  const { look } = app;
  const parts = [look.styles.map((share) => app.titleOf(share.style)).join(" + ")];
  if (look.controls.strength < 100) parts.push(`${look.controls.strength} %`);
  if (look.controls.brush_size !== 1) parts.push(`${words.controls.brush_size.label} ${look.controls.brush_size}`);
  if (look.controls.boldness) parts.push(`${words.controls.boldness.label} ${look.controls.boldness}`);
  if (look.controls.keep_color !== "none") parts.push(words.controls.keep_color.choices[look.controls.keep_color].label);
  if (look.controls.tone !== "none") parts.push(words.controls.tone.label);
  if (look.layers.length) parts.push(words.parts(look.layers.length));
  return parts.join(" · ");
}

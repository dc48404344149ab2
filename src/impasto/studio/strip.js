// The strip of styles: this photo painted in each of them.

import { button, el, fill } from "./dom.js";
import { withStyle } from "./look.js";
import { words } from "./words.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./painter.js").Painter} Painter
 *
 * @typedef {object} Tile
 * @property {string} style
 * @property {HTMLElement} element
 * @property {HTMLImageElement} image
 * @property {string} painting its address, or "" of one's own
 * @property {string} shown what the image shows: a subject, or "" for the painting itself
 */

const SIDE = 320; // pixels of a picture of the strip
const AT_ONCE = 4;
const KINDS = /** @type {const} */ ({
  prints: /print|woodcut|etching|engraving/,
  drawings: /ink|charcoal|manuscript|watercolor/,
  modern: /abstract|cubist|orphist|neoplastic|divisionist|expressionist oil|fauvist/,
});

export class Strip {
  /** @param {App} app @param {Painter} painter */
  constructor(app, painter) {
    this.app = app;
    this.painter = painter;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    /** @type {Map<string, string>} addresses of pictures that are there */
    this.pictures = new Map();
    this.blending = false;
    this.favorites = new Set(app.store.get("favorites", /** @type {string[]} */ ([])));
    this.stopping = new AbortController();
    this.subject = "";
    this.find = el("input", {
      type: "search",
      placeholder: words.findStyle,
      "aria-label": words.findStyle,
      on: { input: () => this.#filter() },
    });
    this.kind = el(
      "select",
      { "aria-label": words.kinds, on: { change: () => this.#filter() } },
      ...Object.entries(words.kindNames).map(([value, label]) => el("option", { value }, label)),
    );
    this.blend = button(words.blend, () => this.setBlending(!this.blending), {
      "aria-pressed": "false",
      title: words.blendHelp,
    });
    this.list = el("div", { class: "tiles", role: "listbox", "aria-label": words.styles, "aria-multiselectable": "true" });
    this.empty = el("p", { class: "dim", hidden: true }, words.noStyleFound);
    this.file = el("input", {
      type: "file",
      accept: "image/*",
      hidden: true,
      on: { change: () => this.#picked() },
    });
    this.element = el(
      "nav",
      { class: "styles", "aria-label": words.styles },
      el("div", { class: "finding" }, this.find, this.kind, this.blend),
      el("div", { class: "shelf" }, this.#adder(), this.list),
      this.empty,
      this.file,
    );
    app.on("styles", () => this.#restock());
    app.on("look", () => this.#mark());
    app.on("photos", () => this.#subject());
    painter.addEventListener("busy", () => void this.#paint());
  }

  #adder() {
    return button(words.ownPainting, () => this.file.click(), { class: "adder", title: words.ownPaintingHelp });
  }

  #picked() {
    void this.app.bring([...(this.file.files ?? [])], "style");
    this.file.value = "";
  }

  /** The styles have changed: make a tile for each. */
  #restock() {
    const own = [...this.app.own.values()].reverse().map((one) => ({
      style: `own:${one.key}`,
      title: this.app.titleOf(`own:${one.key}`),
      about: words.yours,
      picture: "",
    }));
    const mine = this.app.styles.filter((style) => !style.builtin);
    const others = this.app.styles.filter((style) => style.builtin);
    const named = [...mine, ...others].map((style) => ({
      style: style.name,
      title: style.title,
      about: [style.artist, style.year].filter(Boolean).join(", "),
      picture: this.app.engine.thumbnail(style),
    }));
    const before = this.tiles;
    this.tiles = new Map();
    for (const one of [...own, ...named]) {
      const tile = before.get(one.style) ?? this.#tile(one);
      name(tile.element, one);
      this.tiles.set(one.style, tile);
    }
    for (const tile of before.values()) if (!this.tiles.has(tile.style)) this.#show(tile, null);
    fill(this.list, ...[...this.tiles.values()].map((tile) => tile.element));
    this.#filter();
    this.#mark();
    void this.#paint();
  }

  /**
   * @param {{style: string, picture: string}} one
   * @returns {Tile}
   */
  #tile({ style, picture }) {
    const image = el("img", { alt: "", loading: "lazy", decoding: "async" });
    if (picture) image.src = picture;
    const element = el(
      "div",
      {
        role: "option",
        class: "tile",
        tabindex: "-1",
        on: {
          click: (/** @type {MouseEvent} */ event) => this.#choose(style, event.shiftKey),
          keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event, style),
        },
      },
      image,
      el("span", {}),
    );
    element.dataset.style = style;
    return { style, element, image, painting: picture, shown: "" };
  }

  /** @param {string} style @param {boolean} add */
  #choose(style, add) {
    const blend = add || this.blending;
    this.app.settle(withStyle(this.app.look, style, blend));
    if (blend) this.setBlending(true);
  }

  /** @param {boolean} on */
  setBlending(on) {
    this.blending = on;
    this.blend.setAttribute("aria-pressed", String(on));
  }

  /** @param {KeyboardEvent} event @param {string} style */
  #key(event, style) {
    const seen = [...this.tiles.values()].filter((tile) => !tile.element.hidden);
    const index = seen.findIndex((tile) => tile.style === style);
    const across = Math.max(1, Math.round(this.list.clientWidth / (seen[0]?.element.offsetWidth || 1)));
    const flat = getComputedStyle(this.list).flexDirection === "row" && getComputedStyle(this.list).display === "flex";
    const on = getComputedStyle(this.list).direction === "rtl" ? -1 : 1;
    const ways = { ArrowRight: on, ArrowLeft: -on, ArrowDown: flat ? 1 : across, ArrowUp: flat ? -1 : -across };
    const way = ways[/** @type {keyof typeof ways} */ (event.key)];
    if (way) {
      const next = seen[Math.min(Math.max(index + way, 0), seen.length - 1)];
      next.element.focus();
      if (!this.blending && !event.shiftKey) this.#choose(next.style, false);
    } else if (event.key === "Home" || event.key === "End") {
      seen.at(event.key === "Home" ? 0 : -1)?.element.focus();
    } else if (event.key === " " || event.key === "Enter") {
      this.#choose(style, event.shiftKey);
    } else return;
    event.preventDefault();
  }

  /** @param {string} style */
  toggleFavorite(style) {
    if (!this.favorites.delete(style)) this.favorites.add(style);
    this.app.store.set("favorites", [...this.favorites]);
    this.#filter();
    this.#mark();
  }

  #mark() {
    const chosen = new Set(this.app.look.styles.map((share) => share.style));
    let reachable = [...this.tiles.values()].find((tile) => chosen.has(tile.style) && !tile.element.hidden);
    reachable ??= [...this.tiles.values()].find((tile) => !tile.element.hidden);
    for (const tile of this.tiles.values()) {
      tile.element.setAttribute("aria-selected", String(chosen.has(tile.style)));
      tile.element.classList.toggle("favorite", this.favorites.has(tile.style));
      tile.element.tabIndex = tile === reachable ? 0 : -1;
    }
  }

  #filter() {
    const text = this.find.value.trim().toLowerCase();
    const kind = this.kind.value;
    const about = new Map(this.app.styles.map((style) => [style.name, style]));
    let count = 0;
    for (const tile of this.tiles.values()) {
      const style = about.get(tile.style);
      const said = `${this.app.titleOf(tile.style)} ${tile.style} ${style?.artist ?? ""} ${style?.year ?? ""} ${style?.kind ?? ""}`;
      const mine = !style?.builtin;
      const right =
        kind === "all" ||
        (kind === "mine" && mine) ||
        (kind === "favorites" && this.favorites.has(tile.style)) ||
        (!mine && kindOf(style.kind) === kind);
      tile.element.hidden = !right || !said.toLowerCase().includes(text);
      count += tile.element.hidden ? 0 : 1;
    }
    this.empty.hidden = count > 0;
    this.#mark();
  }

  /** What is to be painted; if it is another than before, what was begun is given up. */
  #subject() {
    const { brought, state } = this.app;
    const subject = `${brought?.photo.id} ${brought?.photo.kind === "clip" ? state.at : 0}`;
    if (subject !== this.subject) {
      this.subject = subject;
      this.stopping.abort();
      this.stopping = new AbortController();
      for (const tile of this.tiles.values()) {
        tile.shown = "";
        delete tile.element.dataset.painted; // what it shows is of the photo before
      }
    }
    return subject;
  }

  /** Paint this photo in every style, those that are seen first. */
  async #paint() {
    const { app, painter } = this;
    if (!app.brought || painter.busy) return;
    const subject = this.#subject();
    const { signal } = this.stopping;
    const photo = app.brought.photo;
    const box = this.element.getBoundingClientRect();
    const near = (/** @type {Tile} */ tile) => {
      const { x, y } = tile.element.getBoundingClientRect();
      return Math.max(0, y - box.bottom) + Math.max(0, x - box.right) + (tile.element.hidden ? 1e6 : 0);
    };
    const wanted = [...this.tiles.values()].filter((tile) => tile.shown !== subject);
    for (const tile of wanted) tile.shown = subject;
    wanted.sort((one, other) => near(one) - near(other));
    const work = async () => {
      for (let tile = wanted.shift(); tile && !signal.aborted; tile = wanted.shift()) {
        while ((painter.busy || app.stripRests) && !signal.aborted) await new Promise((done) => setTimeout(done, 40));
        try {
          await this.#picture(tile, photo, photo.kind === "clip" ? app.state.at : undefined, signal);
        } catch {
          if (signal.aborted) continue;
          tile.shown = "";
          tile.element.classList.add("failed");
          this.#show(tile, null);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (!signal.aborted) this.element.dispatchEvent(new Event("painted"));
  }

  /**
   * @param {Tile} tile
   * @param {import("./engine.js").Photo} photo
   * @param {number | undefined} at
   * @param {AbortSignal} signal
   */
  async #picture(tile, photo, at, signal) {
    const { app } = this;
    const ask = () =>
      app.engine.file(
        photo,
        { styles: [/** @type {const} */ ([app.reference(tile.style), 1])], controls: {}, regions: [] },
        { side: SIDE, at, signal },
      );
    const own = app.own.get(tile.style.slice(4));
    const data = await ask().catch(async (error) => {
      if (!own || error?.status !== 404) throw error;
      await app.held(own); // the painting has been forgotten, not the photo
      return ask();
    });
    if (signal.aborted) return;
    this.#show(tile, data);
    tile.element.classList.remove("failed");
    tile.element.dataset.painted = "true";
  }

  /**
   * @param {Tile} tile
   * @param {Blob | null} data null for the painting itself
   */
  #show(tile, data) {
    const before = this.pictures.get(tile.style);
    if (data) this.pictures.set(tile.style, URL.createObjectURL(data));
    else this.pictures.delete(tile.style);
    tile.image.src = this.pictures.get(tile.style) ?? tile.painting;
    if (before) URL.revokeObjectURL(before);
  }
}

/** @param {HTMLElement} tile @param {{title: string, about: string}} one */
function name(tile, { title, about }) {
  const whole = about ? `${title}, ${about}` : title;
  tile.title = whole;
  tile.setAttribute("aria-label", whole);
  fill(/** @type {Element} */ (tile.lastElementChild), title);
}

/** @param {string} text what the gallery says of a style @returns {string} */
export function kindOf(text) {
  return Object.entries(KINDS).find(([, words]) => words.test(text))?.[0] ?? "paintings";
}

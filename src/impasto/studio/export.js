// The dialog that saves: the canvas at full size, as the same command would; or all photos, a clip, the best quality.

import { addressOf, button, choice, download, el, fill, slider } from "./dom.js";
import { commandOf, fieldsOf, stemOf } from "./fields.js";
import { fileOfMask } from "./mix.js";
import { words } from "./words.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./painter.js").Painter} Painter
 * @typedef {import("./tray.js").Tray} Tray
 */

const FORMATS = /** @type {Record<string, {label: string, quality: boolean, deep: boolean}>} */ ({
  jpg: { label: "JPEG", quality: true, deep: false },
  png: { label: "PNG", quality: false, deep: true },
  webp: { label: "WebP", quality: true, deep: false },
  avif: { label: "AVIF", quality: true, deep: false },
  tif: { label: "TIFF", quality: false, deep: true },
});
const POSTERS = [4, 2, 1.5]; // times the photo; the largest that is allowed is offered
const BEST_SIDE = 768; // pixels of a picture of the best quality, to begin with

export class Export {
  /**
   * @param {App} app
   * @param {Painter} painter
   * @param {Tray} tray
   * @param {import("./rail.js").Rail} rail
   */
  constructor(app, painter, tray, rail) {
    this.app = app;
    this.painter = painter;
    this.tray = tray;
    this.rail = rail;
    this.given = {
      format: "jpg",
      quality: 92,
      bits: "8",
      size: "own",
      other: 4096,
      what: "one",
      hand: "painter",
      iterations: 300,
      engine: "painter",
      mark: true,
      keep: "all",
      steady: 70,
      sound: true,
      tell: false,
      .../** @type {object} */ (app.store.get("export", {})),
    };
    app.on("look", () => this.element.open && this.#told());
    this.body = el("div", { class: "fields" });
    this.command = el("code", { tabindex: "0" });
    this.copied = el("span", { class: "dim", role: "status" });
    this.element = el(
      "dialog",
      { "aria-labelledby": "export-title" },
      el(
        "form",
        { method: "dialog", on: { submit: (/** @type {Event} */ event) => this.#submit(event) } },
        el("h2", { id: "export-title" }, words.export),
        this.body,
        el("details", {}, el("summary", {}, words.sameCommand), this.command, el("div", { class: "row small" }, button(words.copy, () => void this.#copy()), this.copied, button(words.saveMasks, () => void this.#saveMasks(), { class: "masks" }))),
        el(
          "div",
          { class: "row end" },
          button(words.cancel, () => this.element.close()),
          el("button", { type: "submit", class: "primary", value: "export" }, words.exportNow),
        ),
      ),
    );
    this.element.addEventListener("click", (event) => {
      if (event.target === this.element) this.element.close();
    });
  }

  open() {
    if (!this.app.brought) return;
    this.#build();
    this.element.showModal();
  }

  get #clip() {
    return this.app.brought?.photo.kind === "clip";
  }

  #build() {
    const { given, app } = this;
    const photo = app.brought?.photo;
    if (!photo) return;
    const clip = this.#clip;
    const several = [...app.photos.values()].filter((one) => one.photo.kind === "photo").length;
    const pick = (/** @type {string} */ label, /** @type {keyof Export["given"]} */ name, /** @type {{value: string, label: string, help?: string}[]} */ choices) => {
      const made = choice(label, choices, (value) => {
        /** @type {any} */ (given)[name] = value;
        this.#build();
        /** @type {HTMLElement | null} */ (this.body.querySelector(`input[value="${value}"]:checked`))?.focus();
      });
      made.set(String(given[name]));
      return made.element;
    };
    const check = (/** @type {string} */ label, /** @type {keyof Export["given"]} */ name, /** @type {string} */ help = "") => {
      const input = el("input", { type: "checkbox", checked: Boolean(given[name]) });
      input.addEventListener("change", () => {
        /** @type {any} */ (given)[name] = input.checked;
        if (name === "tell" && input.checked && "Notification" in window) void Notification.requestPermission();
        this.#told();
      });
      return el("label", { class: "check", title: help || null }, input, el("span", {}, label));
    };
    const slide = (/** @type {string} */ label, /** @type {"quality" | "iterations" | "steady"} */ name, /** @type {number} */ low, /** @type {number} */ high, /** @type {string} */ help = "") => {
      const set = (/** @type {number} */ value) => {
        given[name] = value;
        this.#told();
      };
      const made = slider({ label, help, low, high, usual: given[name], show: String, move: set, settle: set });
      return made.element;
    };
    const own = Math.max(photo.width, photo.height);
    const { all, best, poster, chosen, format } = this.#said();
    Object.assign(given, { size: chosen, format }); // what an earlier choice says may not be offered now
    const formats = Object.entries(FORMATS).filter(([value]) => app.limits.formats.includes(value));
    const sizes = [
      { value: "own", label: all ? words.ownSizes : words.ownSize(photo.width, photo.height) },
      { value: "2048", label: "2048" },
      ...(!poster ? [] : [{ value: "poster", label: words.poster(poster, Math.round(poster * own)), help: words.posterHelp }]),
      { value: "other", label: words.otherSize },
    ];
    const number = el("input", { type: "number", min: "16", max: "20000", value: String(given.other), "aria-label": words.longerSide });
    number.addEventListener("input", () => {
      given.other = Math.min(20_000, Math.max(16, Math.round(Number(number.value)) || 1024));
      this.#told();
    });
    fill(
      this.body,
      several > 1 && !clip && pick(words.what, "what", [{ value: "one", label: words.thisPhoto }, { value: "all", label: words.allPhotos(several) }]),
      clip && pick(words.hand, "engine", [{ value: "painter", label: words.painter, help: words.painterClipHelp }, { value: "light", label: words.light, help: words.lightHelp }]),
      !clip && app.limits.optimize && !all && pick(words.hand, "hand", [{ value: "painter", label: words.painter, help: words.painterHelp }, { value: "best", label: words.best, help: words.bestHelp }]),
      best && slide(words.iterations, "iterations", 50, 1000, words.iterationsHelp),
      !clip && pick(words.file, "format", formats.map(([value, { label }]) => ({ value, label }))),
      !clip && FORMATS[given.format]?.quality && slide(words.quality, "quality", 1, 100),
      !clip && FORMATS[given.format]?.deep && !app.limits.without?.includes("depth") && pick(words.depth, "bits", [{ value: "8", label: words.bits(8) }, { value: "16", label: words.bits(16) }]),
      best ? el("p", { class: "dim" }, words.bestSize(Math.min(own, BEST_SIDE))) : pick(words.size, "size", sizes),
      !best && given.size === "other" && number,
      clip && slide(words.steady, "steady", 0, 100, words.steadyHelp),
      clip && photo.sound && check(words.sound, "sound"),
      pick(words.metadata, "keep", Object.entries(words.metadataKept).map(([value, one]) => ({ value, ...one }))),
      check(words.mark, "mark", words.markHelp),
      check(words.tellMe, "tell"),
    );
    this.#told();
  }

  /** What the dialog says, as options of the painting and of the file. */
  #said() {
    const { given, app } = this;
    const photo = app.brought?.photo;
    const clip = this.#clip;
    const several = [...app.photos.values()].filter((one) => one.photo.kind === "photo").length > 1;
    const all = given.what === "all" && several && !clip;
    const best = given.hand === "best" && app.limits.optimize && !all && !clip;
    const own = Math.max(photo?.width ?? 1, photo?.height ?? 1);
    const pixels = (photo?.width ?? 1) * (photo?.height ?? 1);
    const poster = clip || all || app.limits.without?.includes("poster") ? undefined : POSTERS.find((/** @type {number} */ times) => times ** 2 * pixels <= app.limits.max_pixels);
    /** @type {Record<string, number | null>} */
    const sizes = { own: null, 2048: 2048, ...(poster ? { poster: Math.round(poster * own) } : {}), other: given.other };
    const chosen = given.size in sizes ? given.size : "own";
    const size = best ? (own > BEST_SIDE ? BEST_SIDE : null) : sizes[chosen];
    const format = FORMATS[given.format] && app.limits.formats.includes(given.format) ? given.format : "jpg";
    const { quality } = FORMATS[format];
    const deep = FORMATS[format].deep && !app.limits.without?.includes("depth");
    /** @type {[string, string][]} */
    const file = [["mark", String(given.mark)]];
    if (given.keep === "place") file.push(["strip_location", "true"]);
    if (given.keep === "none") file.push(["strip_metadata", "true"]);
    if (!clip) file.push(["format", format]);
    if (!clip && quality) file.push(["quality", String(given.quality)]);
    if (!clip && deep) file.push(["bits", given.bits]);
    return { clip, all, best, poster, chosen, size, format, file };
  }

  #told() {
    const { app, given } = this;
    this.app.store.set("export", given);
    const { clip, all, best, size, format, file } = this.#said();
    const name = app.brought?.name ?? "photo.jpg";
    const stem = stemOf(name);
    /** @type {string[]} */
    const extra = [];
    if (size) extra.push("--size", String(size));
    if (best) extra.push("--iterations", String(given.iterations));
    if (app.hand && app.hand !== "painter" && !clip) extra.push("--engine", app.hand);
    if (clip) {
      const [start, end] = this.rail.range;
      extra.push("--start", start.toFixed(3), "--end", end.toFixed(3), "--steady", String(given.steady), "--engine", given.engine);
      if (!given.sound) extra.push("--no-sound");
    } else {
      if (FORMATS[format].quality && given.quality !== 92) extra.push("--quality", String(given.quality));
      if (file.some(([name, value]) => name === "bits" && value === "16")) extra.push("--bits", "16");
      if (all) extra.push("--format", format);
    }
    if (!given.mark) extra.push("--no-mark");
    if (given.keep === "place") extra.push("--strip-location");
    if (given.keep === "none") extra.push("--strip-metadata");
    this.command.textContent = commandOf({
      photo: all ? "photos/" : name,
      target: all ? "painted/" : `${stem}-painted.${clip ? "mp4" : format}`,
      look: all ? { ...app.look, layers: app.look.layers.filter((layer) => layer.found) } : app.look,
      nameOf: (style) => app.typed(style),
      extra,
      verb: clip ? "video" : best ? "optimize" : "stylize",
    });
    /** @type {HTMLElement | null} */
    const masks = this.element.querySelector(".masks");
    if (masks) masks.hidden = !app.look.layers.some((layer) => layer.mask);
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.command.textContent ?? "");
      this.copied.textContent = words.copied;
    } catch {
      getSelection()?.selectAllChildren(this.command); // without HTTPS there is no clipboard
      this.copied.textContent = words.copyYourself;
    }
  }

  async #saveMasks() {
    const drawn = this.app.look.layers.filter((layer) => layer.mask && !layer.found);
    for (const [index, layer] of drawn.entries()) {
      const mask = this.app.drawn.get(layer.mask);
      if (mask) download(await fileOfMask(mask), `mask-${index + 1}.png`);
    }
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    this.element.close();
    void this.begin();
  }

  /** Begin the export. */
  async begin() {
    const { app, given } = this;
    const brought = app.brought;
    if (!brought) return;
    const { clip, all, best, size, format, file } = this.#said();
    const photos = [...app.photos.values()].filter((one) => one.photo.kind === "photo");
    const stem = stemOf(brought.name);
    const title = all ? words.exportAll(photos.length) : `${brought.name} · ${app.look.styles.map((share) => app.titleOf(share.style)).join(" + ")}`;
    const name = all ? "painted.zip" : `${stem}-painted.${clip ? "mp4" : format}`;
    const look = all ? { ...app.look, layers: app.look.layers.filter((layer) => layer.found) } : app.look;
    if (look.layers.length < app.look.layers.length) app.note(words.masksLeftOut);
    await this.tray.add(
      () => app.withHeld(async () => {
        for (const one of all ? photos : [brought]) await app.held(one);
        const request = await this.painter.whole(look);
        /** @type {[string, string][]} */
        const fields = [];
        if (clip) {
          const [start, end] = this.rail.range;
          fields.push(["clip", `upload:${brought.photo.id}`], ["start", start.toFixed(3)], ["end", end.toFixed(3)]);
          fields.push(["steady", String(given.steady)], ["sound", String(given.sound)], ["format", "mp4"], ["engine", given.engine]);
        } else {
          for (const one of all ? photos : [brought]) fields.push(["image", `upload:${one.photo.id}`]);
        }
        if (best) fields.push(["engine", "optimize"], ["iterations", String(given.iterations)]);
        fields.push(...fieldsOf({ ...request, controls: { ...request.controls, size } }), ...file);
        return app.engine.begin(fields);
      }),
      {
        title,
        file: name,
        picture: this.painter.picture ? addressOf(this.painter.picture, 96) : "",
        save: true,
        tell: given.tell,
      },
    );
    const settings = { ...app.look, size, format };
    this.element.dispatchEvent(new CustomEvent("impasto-export", { bubbles: true, composed: true, detail: { name, settings } }));
  }
}

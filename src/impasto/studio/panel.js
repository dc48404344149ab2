// The sliders and choices: made from the library's controls, in a painter's words.

import { button, choice, el, fill, slider } from "./dom.js";
import { DEFAULTS, withControls } from "./look.js";
import { words } from "./words.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./look.js").Controls} Controls */
/** @typedef {import("./engine.js").Control} Control */

/**
 * The buttons that learn a painting. A style without a boldness stays as bold as it is.
 * @type {Record<"learn" | "bold", { seconds: number, boldness?: number }>}
 */
const LESSONS = { learn: { seconds: 180 }, bold: { seconds: 600, boldness: 100 } };

export class Panel {
  /**
   * @param {App} app
   * @param {import("./strip.js").Strip} strip
   * @param {HTMLElement} blend
   * @param {...HTMLElement} more
   */
  constructor(app, strip, blend, ...more) {
    this.app = app;
    this.strip = strip;
    /** @type {{name: keyof Controls, set: (value: any) => void}[]} */
    this.controls = [];
    this.title = el("h2", {});
    this.about = el("p", { class: "dim" });
    this.favorite = button("☆", () => strip.toggleFavorite(this.#style()), { "aria-label": words.favorite, "aria-pressed": "false" });
    this.mine = el("div", { class: "row", hidden: true });
    this.sliders = el("div", { class: "controls" });
    this.element = el(
      "aside",
      { class: "panel", "aria-label": words.adjust },
      el("div", { class: "who" }, el("div", {}, this.title, this.about), this.favorite),
      this.mine,
      blend,
      this.sliders,
      ...more,
    );
    app.on("styles", () => this.#build());
    app.on("look", () => this.#sync());
    this.favorite.addEventListener("click", () => this.#sync());
  }

  #style() {
    return this.app.look.styles[0].style;
  }

  /** The limits have come: make what they tell of. */
  #build() {
    if (this.controls.length) return this.#sync();
    const known = new Map(this.app.limits.controls.map((control) => [control.name, control]));
    /** @type {HTMLElement[]} */
    const elements = [];
    for (const name of /** @type {(keyof Controls)[]} */ (Object.keys(DEFAULTS))) {
      const control = known.get(name);
      if (!control) continue;
      const made = control.choices ? this.#choice(name, control) : this.#slider(name, control);
      this.controls.push({ name, set: made.set });
      elements.push(made.element);
    }
    const { hands = [] } = this.app.limits;
    if (hands.length > 1) {
      const told = /** @type {Record<string, {label: string, help: string}>} */ ({
        light: { label: words.quick, help: words.quickHelp },
        painter: { label: words.fine, help: words.fineHelp },
      });
      const made = choice(words.hand, hands.map((value) => ({ value, ...told[value] })), (value) => void this.app.setHand(value), hands[0]);
      this.hand = made;
      elements.push(made.element);
    }
    fill(this.sliders, ...elements);
    this.#sync();
  }

  /** @param {keyof Controls} name @param {Control} control */
  #slider(name, control) {
    const { label, help, show } = words.controls[name];
    return slider({
      label,
      help: `${help} (${control.help})`,
      low: control.low ?? 0,
      high: control.high ?? 100,
      usual: Number(control.default),
      log: name === "brush_size",
      show: /** @type {(value: number) => string} */ (show),
      move: (value) => this.app.move(withControls(this.app.look, { [name]: value })),
      settle: (value) => this.app.settle(withControls(this.app.look, { [name]: value })),
    });
  }

  /** @param {keyof Controls} name @param {Control} control */
  #choice(name, control) {
    const { label, choices } = words.controls[name];
    const known = /** @type {Record<string, {label: string, help: string}>} */ (choices);
    return choice(
      label,
      (control.choices ?? []).map((value) => ({ value, label: known[value]?.label ?? value, help: known[value]?.help })),
      (value) => this.app.settle(withControls(this.app.look, { [name]: value })),
      String(control.default),
    );
  }

  #sync() {
    const { app } = this;
    const { look } = app;
    const style = app.styles.find((one) => one.name === this.#style());
    const blended = look.styles.length > 1;
    this.title.textContent = look.styles.map((share) => app.titleOf(share.style)).join(" + ");
    this.about.textContent = blended ? words.blendOf(look.styles.length) : style ? [style.artist, style.year].filter(Boolean).join(", ") : words.yours;
    const starred = this.strip.favorites.has(this.#style());
    this.favorite.textContent = starred ? "★" : "☆";
    this.favorite.setAttribute("aria-pressed", String(starred));
    for (const control of this.controls) control.set(look.controls[control.name]);
    this.hand?.set(app.wantedHand);
    this.#own(blended ? undefined : style);
  }

  /** What can be done with a painting of one's own. @param {import("./engine.js").Style | undefined} style */
  #own(style) {
    const key = this.#style().startsWith("own:") ? this.#style().slice(4) : "";
    const mine = !!key || !!style?.mine;
    this.mine.hidden = !mine || this.app.look.styles.length > 1;
    const made = `${key} ${style?.name ?? ""} ${style?.title ?? ""}`;
    if (this.mine.hidden || this.mine.dataset.of === made) return;
    this.mine.dataset.of = made;
    const ask = (/** @type {string} */ name) => this.mine.dispatchEvent(new CustomEvent(name, { bubbles: true, detail: key || style?.name }));
    fill(
      this.mine,
      key && this.app.limits.learn && button(words.keepPainting, () => ask("keep"), { title: words.keepPaintingHelp }),
      this.app.limits.learn && button(words.learn(lesson(this.app, "learn").seconds), () => ask("learn"), { title: words.learnHelp }),
      this.app.limits.learn && button(words.learnBold(lesson(this.app, "bold").seconds), () => ask("bold"), { title: words.learnBoldHelp }),
      style && this.app.limits.learn && button(words.rename, () => ask("rename")),
      (key || this.app.limits.learn) && button(words.remove, () => ask("remove")),
    );
  }
}

/**
 * How a button learns a painting, for as many seconds as the service allows.
 * @param {App} app @param {keyof typeof LESSONS} name
 */
export function lesson(app, name) {
  return { ...LESSONS[name], seconds: Math.min(LESSONS[name].seconds, app.limits.learn_seconds) };
}

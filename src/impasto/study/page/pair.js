// The screen with a pair of results.

import { Clock } from "./clock.js";
import { button, el, fill, heading, say } from "./dom.js";
import { KEYS } from "./keys.js";
import { Panes } from "./panes.js";
import { arranged } from "./view.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./keeping.js").Choice} Choice
 * @typedef {import("./pictures.js").Pictures} Pictures
 * @typedef {import("./pictures.js").Shown} Shown
 * @typedef {{answer: (choice: Choice) => void, back: () => void, pause: () => void, retry: () => void, trouble: () => string, refused: () => boolean}} PairActs
 */

/** Seconds until a picture that did not come is asked for again. */
const PICTURE_WAIT = 3;

/** Room between two results, in CSS pixels. */
const GAP = 12;

/** How far a key moves zoomed pictures, as a fraction of the pane. */
const PAN = 0.15;

/** Shows the standing question of a session. */
export class Pair {
  /**
   * @param {Session} session
   * @param {Pictures} pictures
   * @param {PairActs} acts
   */
  constructor(session, pictures, acts) {
    this.session = session;
    this.pictures = pictures;
    this.acts = acts;
    this.clock = new Clock();
    /** The trial whose pictures show or are coming. @type {import("./plan.js").Trial | null} */
    this.trial = null;
    /** The step that was announced; -1 before the first. */
    this.step = -1;
    /** The pictures show, and may be judged. */
    this.ready = false;
    this.missing = false;

    this.heading = heading("");
    this.which = el("p", { class: "which" });
    this.number = el("span", { id: "number" });
    this.progress = el("progress", { "aria-labelledby": "number" });
    this.spoken = el("p", { class: "unseen", "aria-live": "polite" });
    this.status = el("p", { class: "status", role: "status" });
    this.references = el("div", { class: "references" });
    this.dialog = el("dialog", { class: "large" });
    this.frames = [el("div", { class: "pane" }), el("div", { class: "pane" })];
    this.stage = el("div", { class: "stage" }, ...this.frames.map((frame, index) => el("figure", {}, el("figcaption", {}, "AB"[index]), frame)));
    this.again = button("Try again", () => acts.retry(), { class: "again", hidden: true });
    this.choices = [this.choiceButton("A", "a"), this.choiceButton("No difference", "none"), this.choiceButton("B", "b")];
    this.backButton = button("Back", () => this.back());
    this.slider = el("input", { type: "range", min: "0", step: "1", "aria-label": "Zoom" });
    this.zoomed = el("span", { class: "zoomed", "aria-hidden": "true" });
    this.panes = new Panes(this.frames, () => this.showZoom());
    this.slider.addEventListener("input", () => this.panes.toStop(Number(this.slider.value)));
    // Whoever moves the slider with a pointer has the arrow keys for answers again.
    this.slider.addEventListener("pointerup", () => this.heading.focus({ preventScroll: true }));
    this.element = this.build();
    this.sizes = new ResizeObserver(() => this.arrange());
    this.sizes.observe(this.stage);
  }

  build() {
    const zoom = el("div", { class: "zoom", role: "group", "aria-label": "Zoom of both results" },
      button("−", () => this.panes.byStop(-1), { "aria-label": "Zoom out" }),
      this.slider,
      button("+", () => this.panes.byStop(1), { "aria-label": "Zoom in" }),
      this.zoomed,
    );
    // All questions take their room at once, so that the pictures keep their size from question to question.
    const room = this.session.plan.questions.map((question) => el("p", { "aria-hidden": "true" }, question.text));
    const questions = el("div", { class: "questions" }, this.heading, ...room);
    const keys = el("details", { class: "keys" }, el("summary", {}, "Keys"), keyList());
    const pointed = (/** @type {Event} */ event) => {
      if (!keys.contains(/** @type {Node} */ (event.target))) keys.open = false;
    };
    return el("div", { class: "pair", on: { pointerdown: pointed } },
      el("div", { class: "top" }, el("div", { class: "ask" }, questions, this.which), el("div", { class: "far" }, this.number, this.progress)),
      this.references,
      this.stage,
      el("div", { class: "choices" }, ...this.choices, this.again),
      el("div", { class: "tools" }, this.backButton, button("Pause", () => this.acts.pause()), zoom, keys),
      this.status,
      this.spoken,
      this.dialog,
    );
  }

  /**
   * @param {string} label
   * @param {Choice} choice
   */
  choiceButton(label, choice) {
    // The second click of a double click would answer a question that was not read.
    return button(label, (event) => event.detail < 2 && this.answer(choice), { class: `choice ${choice}` });
  }

  get title() {
    return `${this.session.number} of ${this.session.total}`;
  }

  /** Show what stands in the session. */
  update() {
    const { session } = this;
    const { trial } = session;
    const questions = session.plan.questions.length;
    const place = (session.step % questions) + 1;
    const pair = `Pair ${Math.min(session.number, session.total)} of ${session.total}`;
    const former = session.given && { a: "A", b: "B", none: "No difference" }[session.given.choice];
    const which = questions > 1 ? `Question ${place} of ${questions}` : "";
    const fresh = trial !== this.trial;
    say(this.heading, trial ? session.question.text : "Waiting for the next pair");
    say(this.which, trial ? [which, former && `Your answer was: ${former}`].filter(Boolean).join(". ") : "");
    say(this.number, pair);
    this.progress.max = session.total;
    this.progress.value = session.done;
    if (fresh || session.step !== this.step) say(this.spoken, trial ? [fresh ? pair : "", which, session.question.text].filter(Boolean).join(". ") : "Waiting for the next pair");
    this.step = session.step;
    this.again.hidden = Boolean(trial) || !this.acts.refused();
    disable(this.backButton, !session.step);
    if (fresh) this.turnTo(trial);
    else this.preload();
    this.showStatus();
  }

  showStatus() {
    say(this.status, this.missing ? "A picture has not come yet. Trying again." : this.acts.trouble());
  }

  /** The question that stands is put anew. */
  put() {
    this.clock.start();
    this.heading.toggleAttribute("data-new", false);
    void this.heading.offsetWidth; // so that the animation starts again
    this.heading.toggleAttribute("data-new", true);
  }

  /** Hide the pictures, and show those of a trial when all are decoded. @param {import("./plan.js").Trial | null} trial */
  turnTo(trial) {
    this.trial = trial;
    this.missing = false;
    this.setReady(false);
    this.dialog.close();
    this.panes.show([]);
    fill(this.references);
    this.preload();
    if (trial) void this.fetch(trial);
  }

  /** Have the pictures of this trial and of those in hand decoded. */
  preload() {
    const next = this.session.ahead.slice(0, 2);
    this.pictures.keep(this.trial ? [...new Set([this.trial, ...next])] : next);
  }

  /** @param {import("./plan.js").Trial} trial */
  async fetch(trial) {
    try {
      const shown = await this.pictures.of(trial);
      if (trial === this.trial) this.reveal(trial, shown);
    } catch {
      if (trial !== this.trial) return;
      this.missing = true;
      this.showStatus();
      setTimeout(() => trial === this.trial && this.fetch(trial), PICTURE_WAIT * 1000);
    }
  }

  /**
   * @param {import("./plan.js").Trial} trial
   * @param {Shown} shown
   */
  reveal(trial, shown) {
    this.missing = false;
    this.showStatus();
    fill(this.references, ...[shown.photo, shown.painting].map((image) => this.reference(image)));
    this.panes.show([shown.a, shown.b]);
    this.arrange();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (trial !== this.trial) return;
      this.put();
      this.setReady(true);
    }));
  }

  /** @param {HTMLImageElement} image */
  reference(image) {
    const open = () => this.enlarge(image);
    image.addEventListener("click", open);
    return el("figure", {}, image, el("figcaption", {}, el("span", {}, image.alt), button("Larger", open, { "aria-label": `Larger: ${image.alt.toLowerCase()}` })));
  }

  /** Show a reference as large as the window. @param {HTMLImageElement} image */
  enlarge(image) {
    const large = el("img", { src: image.src, alt: image.alt });
    this.dialog.setAttribute("aria-label", image.alt);
    fill(this.dialog, large, button("Close", () => this.dialog.close()));
    large.addEventListener("click", () => this.dialog.close());
    this.dialog.showModal();
  }

  /** @param {boolean} ready */
  setReady(ready) {
    this.ready = ready;
    for (const one of this.choices) disable(one, !ready);
  }

  /** Give both panes the largest size that the stage has room for. */
  arrange() {
    const [first] = this.panes.images;
    const ratio = first ? first.naturalWidth / first.naturalHeight : 4 / 3;
    const caption = this.stage.querySelector("figcaption")?.offsetHeight ?? 0;
    const { stacked, width, height } = arranged({ width: this.stage.clientWidth, height: this.stage.clientHeight }, ratio, caption, GAP);
    this.stage.toggleAttribute("data-stacked", stacked);
    for (const frame of this.frames) Object.assign(frame.style, { width: `${width}px`, height: `${height}px` });
    this.element.style.setProperty("--pair", `${stacked ? width : 2 * width + GAP}px`);
    this.panes.draw();
  }

  showZoom() {
    const { stops, stop, words } = this.panes;
    this.slider.max = String(stops.length - 1);
    this.slider.value = String(stop);
    this.slider.setAttribute("aria-valuetext", words);
    say(this.zoomed, words);
  }

  /** @param {Choice} choice */
  answer(choice) {
    if (!this.ready) return;
    const { trial } = this;
    this.acts.answer(choice);
    if (this.session.trial === trial) this.put();
  }

  back() {
    if (!this.session.step) return;
    const { trial } = this;
    this.acts.back();
    if (this.session.trial === trial && this.ready) this.put();
  }

  /** @param {import("./keys.js").Act} act */
  act(act) {
    if (act === "a" || act === "b" || act === "none") this.answer(act);
    else if (act === "back") this.back();
    else if (act === "pause") this.acts.pause();
    else if (act === "in" || act === "out") this.panes.byStop(act === "in" ? 1 : -1);
    else this.panes.pan({ x: { left: PAN, right: -PAN, up: 0, down: 0 }[act], y: { up: PAN, down: -PAN, left: 0, right: 0 }[act] });
  }

  /** A dialog lies over the pair. */
  get covered() {
    return this.dialog.open;
  }
}

/** The keys, as a list. */
export function keyList() {
  return el("dl", {}, ...KEYS.map(([key, what]) => el("div", {}, el("dt", {}, key), el("dd", {}, what))));
}

/**
 * Disable a button, and let it keep the focus.
 * @param {HTMLButtonElement} one
 * @param {boolean} disabled
 */
function disable(one, disabled) {
  one.setAttribute("aria-disabled", String(disabled));
}

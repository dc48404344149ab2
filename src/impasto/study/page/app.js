// The page: one screen at a time, and what leads from one to the next.

import { button, el, fill } from "./dom.js";
import { Keeping } from "./keeping.js";
import { actOf, REPEATS } from "./keys.js";
import { Pair } from "./pair.js";
import { Pictures } from "./pictures.js";
import { endScreen, pauseScreen, welcomeScreen } from "./screens.js";
import { Sending } from "./sending.js";
import { Session } from "./session.js";

/**
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./screens.js").Screen} Screen
 */

/** Shows a study. */
export class App {
  /**
   * @param {HTMLElement} place
   * @param {Plan} plan
   */
  constructor(place, plan) {
    this.plan = plan;
    this.keeping = new Keeping(plan);
    this.session = new Session(plan, this.keeping);
    this.sending = new Sending(this.session, () => this.refresh());
    this.slot = el("div", { class: "slot" });
    this.notice = el("div", { class: "notice", role: "alert" });
    /** It was said that nothing outlives the page. */
    this.warned = false;
    const trouble = () => this.trouble;
    this.pair = new Pair(this.session, new Pictures(plan), {
      answer: (choice) => this.answer(choice),
      back: () => this.back(),
      pause: () => this.pause(),
      retry: () => this.send(),
      refused: () => Boolean(this.sending.refusal),
      trouble,
    });
    fill(place, this.notice, this.slot);
    this.welcome = () => this.open(welcomeScreen(this.session, { begin: () => this.begin(), goOn: () => this.goOn(), trouble }));
    /** @type {Screen | Pair} */
    this.screen = this.welcome();
    this.listen();
    this.send();
  }

  /** @template {Screen | Pair} T @param {T} screen @returns {T} */
  open(screen) {
    const first = !this.slot.firstChild;
    this.screen = screen;
    fill(this.slot, screen.element);
    this.refresh();
    if (first) return screen;
    scrollTo(0, 0);
    screen.heading.focus({ preventScroll: true });
    return screen;
  }

  /** Show the state in which things are. */
  refresh() {
    if (this.screen === this.pair && this.session.over) return this.end();
    this.screen.update();
    document.title = [this.screen.title, this.plan.title].filter(Boolean).join(" · ");
    if (this.keeping.lasting || this.warned) return;
    this.warned = true;
    const away = button("Understood", () => {
      fill(this.notice);
      this.screen.heading.focus();
    });
    fill(this.notice, el("p", {}, "This browser does not keep the answers. Leave this page open until the end."), away);
  }

  /** What is wrong with the server; empty if nothing is. */
  get trouble() {
    return this.sending.refusal || (this.sending.failures ? "Not saved on the server yet. Trying again." : "");
  }

  send() {
    if (this.plan.served) void this.sending.send();
  }

  /** @param {string} [observer] */
  begin(observer) {
    this.session.begin(observer);
    this.send();
    this.goOn();
  }

  goOn() {
    if (this.session.over) return this.end();
    this.pair.clock.resume("paused");
    this.open(this.pair);
  }

  /** @param {import("./keeping.js").Choice} choice */
  answer(choice) {
    const { number } = this.session;
    this.session.answer(choice, this.pair.clock.seconds);
    if (this.session.number !== number) this.send();
    this.refresh();
  }

  back() {
    this.session.back();
    this.refresh();
  }

  pause() {
    this.pair.clock.pause("paused");
    this.send();
    this.open(pauseScreen(this.session, { goOn: () => this.goOn(), trouble: () => this.trouble }));
  }

  end() {
    const round = () => this.begin(this.session.round?.observer);
    const next = () => {
      this.session.leave();
      this.welcome();
    };
    this.pair.turnTo(null);
    this.open(endScreen(this.session, { round, next, trouble: () => this.trouble }));
  }

  listen() {
    addEventListener("keydown", (event) => this.press(event));
    addEventListener("online", () => this.send());
    addEventListener("pagehide", () => this.plan.served && this.sending.farewell());
    addEventListener("beforeunload", (event) => {
      if (!this.keeping.lasting && this.session.unsafe.length) event.preventDefault();
    });
    if (document.hidden) this.pair.clock.pause("hidden");
    document.addEventListener("visibilitychange", () => (document.hidden ? this.pair.clock.pause("hidden") : this.pair.clock.resume("hidden")));
    // Another tab went on with this study: here it stops, so that the two do not write over one another.
    addEventListener("storage", (event) => {
      if (event.key !== this.keeping.key) return;
      this.session.read();
      this.welcome();
    });
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (this.screen !== this.pair || this.pair.covered) return;
    const held = event.repeat && (event.key === "Enter" || event.key === " ");
    const act = actOf(event);
    if (!act && !held) return;
    event.preventDefault(); // a held key would press the focused button again and again
    if (act && (!event.repeat || REPEATS.has(act))) this.pair.act(act);
  }
}

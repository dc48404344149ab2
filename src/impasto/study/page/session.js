// The course of a session: which question stands, what was answered, what comes next.

/**
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").Trial} Trial
 * @typedef {import("./keeping.js").Keeping} Keeping
 * @typedef {import("./keeping.js").Answer} Answer
 * @typedef {import("./keeping.js").Choice} Choice
 * @typedef {import("./keeping.js").Round} Round
 */

/** How many trials without an answer a page has at most. */
const HAND = 2;

/** 16 hexadecimal digits by chance. */
export function newObserver() {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The session of the observer at this device, and the answers that this browser holds. */
export class Session {
  /**
   * @param {Plan} plan
   * @param {Keeping} keeping
   * @param {() => number} [chance] of [0, 1)
   */
  constructor(plan, keeping, chance = Math.random) {
    this.plan = plan;
    this.keeping = keeping;
    this.chance = chance;
    /** @type {Round | null} */
    this.round = null;
    /** @type {Answer[]} */
    this.answers = [];
    /** The question that stands: trial by trial, all questions of each. */
    this.step = 0;
    this.read();
  }

  /** Take up what the browser keeps, at the first open question. */
  read() {
    const kept = this.keeping.read();
    this.round = kept.round;
    this.answers = kept.answers;
    this.step = this.firstOpen();
  }

  /**
   * Begin a session.
   * @param {string} [observer] a new one, if it is left out
   */
  begin(observer = newObserver()) {
    const session = this.round?.observer === observer ? this.round.session + 1 : 1;
    const orders = this.plan.orders ?? [];
    const trials = this.plan.served ? [] : orders[Math.floor(this.chance() * orders.length)];
    this.round = { observer, session, trials: [...trials], complete: !this.plan.served };
    this.step = 0;
    this.write();
  }

  /** Forget whose turn it was. Answers stay until they are safe. */
  leave() {
    this.round = null;
    this.step = 0;
    this.write();
  }

  /** How many trials the session has. */
  get total() {
    return this.plan.served ? this.plan.trials : (this.round?.trials.length ?? this.plan.orders?.[0]?.length ?? 0);
  }

  /** Number of the trial that stands, from 1. */
  get number() {
    return Math.floor(this.step / this.plan.questions.length) + 1;
  }

  /** The trial that stands; null while none is in hand. */
  get trial() {
    return this.round?.trials[this.number - 1] ?? null;
  }

  get question() {
    return this.plan.questions[this.step % this.plan.questions.length];
  }

  /** How many trials have all their answers. */
  get done() {
    return (this.round?.trials ?? []).filter((_, index) => this.isDone(index + 1)).length;
  }

  /** All trials that come have come, and were answered. */
  get over() {
    return this.round !== null && this.trial === null && (this.round.complete || this.round.trials.length >= this.total);
  }

  /** A session was begun that can be gone on with: questions are open, or answers are in this browser only. */
  get unfinished() {
    if (!this.round || (!this.round.trials.length && !this.answers.some((one) => this.isOurs(one)))) return false;
    return !this.over || this.answers.some((one) => this.isOurs(one) && !one.safe);
  }

  /** The answer that was given to the standing question before; null if it is open. */
  get given() {
    return this.answerTo(this.number, this.question.name);
  }

  /**
   * Answer the standing question, and put the next one.
   * @param {Choice} choice
   * @param {number} seconds
   */
  answer(choice, seconds) {
    const { round, trial } = this;
    if (!round || !trial) return;
    const { observer, session } = round;
    const { photo, painting, a, b } = trial;
    const former = this.given;
    const question = this.question.name;
    this.answers = this.answers.filter((one) => one !== former);
    this.answers.push({ observer, session, trial: this.number, question, photo, painting, a, b, choice, seconds, safe: false });
    this.step += 1;
    this.write();
  }

  /** Put the question before. Its answer stands until it is answered again. */
  back() {
    if (this.step) this.step -= 1;
  }

  /** The trials that stand open. @returns {Trial[]} */
  get ahead() {
    return (this.round?.trials ?? []).filter((_, index) => !this.isDone(index + 1));
  }

  /** How many further trials the page asks for. */
  get want() {
    if (!this.round || this.round.complete) return 0;
    return Math.max(0, Math.min(HAND - this.ahead.length, this.total - this.round.trials.length));
  }

  /**
   * Take trials from the server. None at all, with none in hand, are the end.
   * @param {Trial[]} trials
   */
  take(trials) {
    if (!this.round) return;
    this.round.trials.push(...trials);
    if (!trials.length && !this.ahead.length) this.round.complete = true;
    this.write();
  }

  /** Answers that are in this browser only. */
  get unsafe() {
    return this.answers.filter((one) => !one.safe);
  }

  /** The answers that a file gets: the observer's, and others' that are in no file yet. */
  get forFile() {
    return this.answers.filter((one) => !one.safe || one.observer === this.round?.observer);
  }

  /**
   * Mark answers as safe. Answers that were given anew in the meantime are others, and stay.
   * @param {Answer[]} answers
   */
  secure(answers) {
    for (const one of answers) one.safe = true;
    this.answers = this.answers.filter((one) => !one.safe || (this.plan.served ? this.isOurs(one) : one.observer === this.round?.observer));
    this.write();
  }

  /** @returns {number} */
  firstOpen() {
    const questions = this.plan.questions.length;
    const steps = (this.round?.trials.length ?? 0) * questions;
    for (let step = 0; step < steps; step++) {
      if (!this.answerTo(Math.floor(step / questions) + 1, this.plan.questions[step % questions].name)) return step;
    }
    return steps;
  }

  /** @param {number} trial */
  isDone(trial) {
    return this.plan.questions.every((question) => this.answerTo(trial, question.name));
  }

  /**
   * @param {number} trial
   * @param {string} question
   */
  answerTo(trial, question) {
    return this.answers.find((one) => this.isOurs(one) && one.trial === trial && one.question === question) ?? null;
  }

  /** @param {Answer} answer */
  isOurs(answer) {
    return answer.observer === this.round?.observer && answer.session === this.round.session;
  }

  write() {
    this.keeping.write({ round: this.round, answers: this.answers });
  }
}

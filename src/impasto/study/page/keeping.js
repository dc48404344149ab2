// What this browser keeps of a study: the round that is going on, and the answers.

/**
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").Trial} Trial
 * @typedef {"a" | "b" | "none"} Choice
 * @typedef {object} Round one observer's session
 * @property {string} observer 16 hexadecimal digits
 * @property {number} session from 1
 * @property {Trial[]} trials that have come so far
 * @property {boolean} complete no further trials come
 * @typedef {object} Answer
 * @property {string} observer
 * @property {number} session
 * @property {number} trial from 1
 * @property {string} question
 * @property {string} photo
 * @property {string} painting
 * @property {string} a
 * @property {string} b
 * @property {Choice} choice
 * @property {number} seconds
 * @property {boolean} safe it is on the server, or in a file
 * @typedef {{round: Round | null, answers: Answer[]}} Kept
 */

/** Keeps what is written in localStorage, or in memory where that is refused or full. */
export class Keeping {
  /**
   * @param {Plan} plan
   * @param {() => Storage} [storage] may throw, as `localStorage` does
   */
  constructor(plan, storage = () => localStorage) {
    this.plan = plan;
    this.storage = storage;
    this.key = `impasto-study:${plan.study}`;
    /** What is written outlives the page. */
    this.lasting = true;
  }

  /** What was kept; what does not fit the plan is left out. @returns {Kept} */
  read() {
    try {
      return fitting(this.plan, JSON.parse(this.storage().getItem(this.key) ?? "{}"));
    } catch {
      return { round: null, answers: [] };
    }
  }

  /** @param {Kept} kept */
  write(kept) {
    try {
      this.storage().setItem(this.key, JSON.stringify(kept));
      this.lasting = true;
    } catch {
      this.lasting = false;
    }
  }
}

/**
 * @param {Plan} plan
 * @param {any} found
 * @returns {Kept}
 */
function fitting(plan, found) {
  const answers = Array.isArray(found?.answers) ? found.answers : [];
  const round = found?.round;
  const known = (/** @type {any} */ trial) => [trial.photo, trial.painting, trial.a, trial.b].every((id) => id in plan.pictures);
  return { round: round && Array.isArray(round.trials) && round.trials.every(known) ? round : null, answers };
}

// Pictures, decoded before they are shown.

import { addressOf } from "./plan.js";

/**
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").Trial} Trial
 * @typedef {keyof Trial} Role
 * @typedef {Record<Role, HTMLImageElement>} Shown
 */

/** The roles of pictures, with their text alternatives. @type {Record<Role, string>} */
export const ROLES = { photo: "The photo", painting: "The painting", a: "Result A", b: "Result B" };

/** Decoded pictures of a few trials. */
export class Pictures {
  /** @param {Plan} plan */
  constructor(plan) {
    this.plan = plan;
    /** @type {Map<string, Promise<Shown>>} */
    this.coming = new Map();
  }

  /**
   * The decoded pictures of a trial.
   * @param {Trial} trial
   * @returns {Promise<Shown>} rejected if one of them does not come; the next call tries again
   */
  of(trial) {
    const key = JSON.stringify(trial);
    const found = this.coming.get(key) ?? this.load(trial);
    this.coming.set(key, found);
    found.catch(() => this.coming.delete(key));
    return found;
  }

  /** Load what these trials need, and forget all others. @param {Trial[]} trials */
  keep(trials) {
    const keys = trials.map((trial) => JSON.stringify(trial));
    for (const key of this.coming.keys()) if (!keys.includes(key)) this.coming.delete(key);
    for (const trial of trials) void this.of(trial).catch(() => {});
  }

  /** @param {Trial} trial @returns {Promise<Shown>} */
  async load(trial) {
    const roles = /** @type {Role[]} */ (Object.keys(ROLES));
    const found = await Promise.all(roles.map(async (role) => {
      const image = new Image();
      image.alt = ROLES[role];
      image.draggable = false;
      image.src = addressOf(this.plan, trial[role]);
      await image.decode();
      return /** @type {const} */ ([role, image]);
    }));
    return /** @type {Shown} */ (Object.fromEntries(found));
  }
}

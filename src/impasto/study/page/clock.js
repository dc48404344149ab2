// Response times.

/** A stopwatch that leaves out the times of pauses. Several reasons may pause it at once. */
export class Clock {
  /** @param {() => number} [now] in milliseconds */
  constructor(now = () => performance.now()) {
    this.now = now;
    /** @type {Set<string>} */
    this.pauses = new Set();
    this.passed = 0;
    /** @type {number | null} when it last began to run; null while it stands */
    this.since = null;
    this.started = false;
  }

  /** Start from 0. */
  start() {
    this.passed = 0;
    this.started = true;
    this.since = this.pauses.size ? null : this.now();
  }

  /** @param {string} why */
  pause(why) {
    if (this.since !== null) this.passed += this.now() - this.since;
    this.since = null;
    this.pauses.add(why);
  }

  /** @param {string} why */
  resume(why) {
    if (this.pauses.delete(why) && !this.pauses.size && this.started) this.since = this.now();
  }

  /** Seconds since the start, to two digits. */
  get seconds() {
    const running = this.since === null ? 0 : this.now() - this.since;
    return Math.round((this.passed + running) / 10) / 100;
  }
}

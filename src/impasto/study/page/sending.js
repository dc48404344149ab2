// Answers to the server, and trials from it. What fails is sent again; sending twice is harmless.

/**
 * @typedef {import("./keeping.js").Answer} Answer
 * @typedef {import("./session.js").Session} Session
 * @typedef {{fetch: typeof fetch, setTimeout: (act: () => void, ms: number) => any, clearTimeout: (timer: any) => void}} World
 */

const LONGEST_WAIT = 30;

/** Sends what is not safe yet, one request at a time. */
export class Sending {
  /**
   * @param {Session} session
   * @param {() => void} changed called after each request
   * @param {World} [world]
   */
  constructor(session, changed, world = { fetch: (...given) => fetch(...given), setTimeout: (act, ms) => setTimeout(act, ms), clearTimeout: (timer) => clearTimeout(timer) }) {
    this.session = session;
    this.changed = changed;
    this.world = world;
    /** How often in a row it failed. */
    this.failures = 0;
    /** Why the server refuses; empty if it does not. */
    this.refusal = "";
    /** @type {Set<Answer>} that the server refused; they are not sent again */
    this.refused = new Set();
    this.busy = false;
    this.again = false;
    /** @type {any} */
    this.timer = null;
  }

  /** Send what there is, and ask for trials. @returns {Promise<void>} */
  async send() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.world.clearTimeout(this.timer);
    this.timer = null;
    this.busy = true;
    do {
      this.again = false;
      for (const parcel of this.parcels()) if (!(await this.post(parcel))) break;
    } while (this.again && !this.failures);
    this.busy = false;
    if (this.failures) this.timer = this.world.setTimeout(() => this.send(), 1000 * Math.min(LONGEST_WAIT, 2 ** (this.failures - 1)));
  }

  /** Send the answers without waiting for what becomes of it, as the page goes. */
  farewell() {
    for (const { request, answers } of this.parcels()) {
      if (!answers.length) continue;
      const given = { ...request, want: 0 };
      void this.world.fetch("answers", { ...posted(given), keepalive: true }).catch(() => {});
    }
  }

  /** One request for each session that has unsent answers, the observer's own last. */
  parcels() {
    const { session } = this;
    /** @type {Map<string, Answer[]>} */
    const groups = new Map();
    for (const one of session.unsafe) {
      if (this.refused.has(one)) continue;
      const key = `${one.observer} ${one.session}`;
      groups.set(key, [...(groups.get(key) ?? []), one]);
    }
    const { round } = session;
    const ours = round ? `${round.observer} ${round.session}` : "";
    const found = [...groups].filter(([key]) => key !== ours).map(([, answers]) => parcel(answers, answers[0].observer, answers[0].session));
    const answers = groups.get(ours) ?? [];
    if (round && (answers.length || session.want)) {
      const more = { next: round.trials.length + 1, ahead: session.ahead, want: session.want };
      found.push(parcel(answers, round.observer, round.session, more));
    }
    return found;
  }

  /**
   * Post, and take what comes.
   * @param {Parcel} given
   * @returns {Promise<boolean>} whether the server took it
   */
  async post({ request, answers }) {
    try {
      const response = await this.world.fetch("answers", posted(request));
      if (response.ok) this.took(request, answers, (await response.json()).trials);
      else if (response.status >= 400 && response.status < 500 && ![408, 425, 429].includes(response.status)) {
        this.failures = 0;
        this.refusal = (await response.json().catch(() => ({}))).detail || `The server refused the answers (${response.status}).`;
        for (const one of answers) this.refused.add(one);
      } else throw new Error(String(response.status));
    } catch {
      this.failures += 1;
    }
    this.changed();
    return !this.failures;
  }

  /**
   * @param {Parcel["request"]} request
   * @param {Answer[]} answers
   * @param {import("./plan.js").Trial[]} trials
   */
  took(request, answers, trials) {
    const { round } = this.session;
    this.failures = 0;
    if (!this.refused.size) this.refusal = "";
    this.session.secure(answers);
    // While the request was under way, another session may have begun.
    const stands = round && round.observer === request.observer && round.session === request.session;
    if (request.want && stands && round.trials.length + 1 === request.next) this.session.take(trials);
  }
}

/**
 * @typedef {ReturnType<typeof parcel>} Parcel
 */

/**
 * @param {Answer[]} answers
 * @param {string} observer
 * @param {number} session
 * @param {{next: number, ahead: import("./plan.js").Trial[], want: number}} [more]
 */
function parcel(answers, observer, session, more = { next: 1, ahead: [], want: 0 }) {
  const bare = answers.map(({ trial, question, photo, painting, a, b, choice, seconds }) => ({ trial, question, photo, painting, a, b, choice, seconds }));
  return { request: { observer, session, answers: bare, ...more }, answers };
}

/** @param {object} request @returns {RequestInit} */
function posted(request) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request) };
}

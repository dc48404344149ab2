// Long work: what waits, runs and is done. It outlives a reload, since its ids are kept. Where the page is open in several
// tabs, all show it, and one of them saves the result and tells of it.

import { button, download, el, refill } from "./dom.js";
import { Fault } from "./engine.js";
import { words } from "./words.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./engine.js").Job} Job
 *
 * @typedef {object} Task
 * @property {string} id
 * @property {string} title
 * @property {string} [name] of the painting it is about, if the title says more
 * @property {string} file what the result is called
 * @property {string} picture a small picture of it, as a data address
 * @property {boolean} save whether the result is to be saved once it is there
 * @property {boolean} [tell] whether a notice is wanted when it is done
 * @property {boolean} [told] whether its end has been told, and its result saved
 * @property {string} [learned] the style that comes of it
 * @property {string} [instead] the painting of one's own whose place it takes
 */

const MOST = 20;
const STREAMS = 2; // at once: a browser has six connections to a host, for all tabs, and pictures need them
const ASK = 3000; // milliseconds between questions about what is not streamed

export class Tray {
  /** @param {App} app @param {import("./view.js").View} view @param {import("./painter.js").Painter} painter */
  constructor(app, view, painter) {
    this.app = app;
    this.view = view;
    this.painter = painter;
    /** @type {Task[]} newest first */
    this.tasks = [];
    /** @type {Map<string, Job>} */
    this.jobs = new Map();
    /** @type {Map<string, () => void>} what ends a stream */
    this.streams = new Map();
    /** @type {Map<string, AbortController>} tasks that this tab sees to, or waits to */
    this.owning = new Map();
    /** @type {Set<string>} those that it does see to */
    this.mine = new Set();
    /** @type {Set<string>} those that were stopped here */
    this.stopped = new Set();
    /** @type {AbortController | null} while it is at work */
    this.working = null;
    this.looking = false;
    /** @type {string | null} the page's title, while a notice stands there */
    this.pageTitle = null;
    this.list = el("ul", { class: "tasks" });
    this.element = el("section", { class: "tray", "aria-label": words.tray, hidden: true }, el("h3", {}, words.tray), this.list);
    /** @type {Map<string, {element: HTMLElement, picture: HTMLImageElement, bar: HTMLProgressElement, state: HTMLElement, acts: HTMLElement, shown: string}>} */
    this.rows = new Map();
    app.addEventListener("photos", () => this.begin(), { once: true }); // what has been learned changes what is open
  }

  /** See to what there is. */
  begin() {
    if (this.working) return;
    this.working = new AbortController();
    const { signal } = this.working;
    const timers = [setInterval(() => this.#draw(), 1000), setInterval(() => void this.#look(), ASK)];
    signal.addEventListener("abort", () => timers.forEach((timer) => clearInterval(timer)));
    const listen = (/** @type {StorageEvent} */ event) => {
      if (!event.key || event.key.endsWith(":tasks")) this.#take(); // another tab has changed them
    };
    window.addEventListener("storage", listen, { signal });
    this.#take();
  }

  /** Leave it all to other tabs, or to a later visit. */
  end() {
    this.working?.abort();
    this.working = null;
    for (const id of [...this.owning.keys()]) this.#leave(id);
  }

  /** The tasks as they are kept. */
  #take() {
    const kept = this.app.store.get("tasks", /** @type {Task[]} */ ([])).filter((task) => task?.id);
    for (const { id } of this.tasks) if (!kept.some((task) => task.id === id)) this.#drop(id);
    this.tasks = kept;
    for (const { id } of kept) this.#own(id);
    this.#draw();
    void this.#look();
  }

  /**
   * Begin some work.
   * @param {() => Promise<Job>} begin
   * @param {Omit<Task, "id">} task
   */
  async add(begin, task) {
    try {
      const job = await begin();
      this.jobs.set(job.id, job);
      this.#own(job.id);
      const all = [{ ...task, id: job.id }, ...this.tasks];
      this.tasks = all.slice(0, MOST);
      for (const gone of all.slice(MOST)) this.#drop(gone.id);
      this.#save();
      this.#tend();
      this.#draw();
      this.element.scrollIntoView({ block: "nearest" });
    } catch (error) {
      this.app.fail(error);
    }
  }

  /** Be the tab that sees to a task, or the next to do so. @param {string} id */
  #own(id) {
    if (this.owning.has(id)) return;
    const leaving = new AbortController();
    this.owning.set(id, leaving);
    const mine = () => {
      this.mine.add(id);
      const job = this.jobs.get(id);
      if (job) this.#heard(id, job);
      this.#tend();
    };
    if (!navigator.locks) return mine(); // not on a secure address
    const { signal } = leaving;
    const hold = () => {
      mine();
      return new Promise((done) => signal.addEventListener("abort", done));
    };
    navigator.locks.request(`impasto task ${id}`, { signal }, hold).catch(() => {}); // given up before it came to that
  }

  /** Stream those of the tasks that have waited longest. */
  #tend() {
    const open = this.tasks.filter(({ id }) => this.mine.has(id) && this.jobs.has(id) && !over(this.jobs.get(id)));
    const chosen = open.slice(document.hidden ? -1 : -STREAMS).map(({ id }) => id);
    for (const id of [...this.streams.keys()]) if (!chosen.includes(id)) this.#unstream(id);
    for (const id of chosen) {
      if (this.streams.has(id)) continue;
      const heard = (/** @type {Job | null} */ job) => {
        if (job) return this.#heard(id, job);
        this.#unstream(id); // the program is busy, or has it no more
        void this.#ask(id);
      };
      this.streams.set(id, this.app.engine.follow(id, heard));
    }
  }

  /** Ask for all that is not streamed. */
  async #look() {
    if (this.looking) return;
    this.looking = true;
    for (const { id } of this.tasks) if (!this.streams.has(id) && !over(this.jobs.get(id))) await this.#ask(id);
    this.looking = false;
    if (this.working) this.#tend();
  }

  /** @param {string} id */
  async #ask(id) {
    try {
      this.#heard(id, await this.app.engine.job(id));
    } catch {
      // it is asked again
    }
  }

  /** @param {string} id @param {Job | null} job null if the program has it no more */
  #heard(id, job) {
    const task = this.tasks.find((one) => one.id === id);
    if (!task || !this.working) return;
    if (!job) return this.#remove(id);
    const before = this.jobs.get(id);
    this.jobs.set(id, this.stopped.has(id) ? { ...job, stopping: !over(job) } : job);
    if (over(job)) {
      this.#unstream(id);
      const tell = this.mine.has(id) && !task.told;
      if (tell) {
        task.told = true;
        this.#save();
      }
      if (tell || (before && !over(before))) void this.#ended(task, job, tell);
      this.#tend();
    }
    this.#draw();
  }

  /** @param {Task} task @param {Job} job @param {boolean} tell whether this tab is to save it and to tell of it */
  async #ended(task, job, tell) {
    const done = job.state === "done";
    if (done && task.learned) {
      const { instead, learned } = task;
      await (instead ? this.app.tookIn(instead, learned) : this.app.reloadStyles()).catch((error) => this.app.fail(error));
    }
    if (!tell) return;
    const saved = done && task.save && (await this.save(task, job));
    const end = this.stopped.has(task.id) ? words.stopped : words.finished;
    const text = task.learned ? words.learned(task.name ?? task.title) : end(task.title) + (saved ? words.downloaded(task.file) : "");
    if (done) this.app.note(text);
    if (done && task.tell && document.hidden) this.#notify(text);
    if (job.state === "failed" && job.error) this.app.say({ text: words.failed(task.title, job.error.message, job.error.hint), kind: "fault" });
  }

  /** @param {string} text */
  #notify(text) {
    if (this.pageTitle === null) {
      this.pageTitle = document.title;
      const back = () => {
        document.title = this.pageTitle ?? document.title;
        this.pageTitle = null;
      };
      document.addEventListener("visibilitychange", back, { once: true });
    }
    document.title = `✓ ${text}`;
    try {
      if ("Notification" in window && Notification.permission === "granted") new Notification("Impasto", { body: text });
    } catch {
      // Chrome on Android has the class, but not for pages
    }
  }

  /** @param {Task} task @param {Job} job @returns {Promise<boolean>} whether the browser has the file */
  async save(task, job) {
    try {
      download(await this.app.engine.result(job), task.file);
      return true;
    } catch (error) {
      this.app.fail(gone(error) ? new Fault(words.resultGone, words.exportAgain) : error);
      return false;
    }
  }

  /** @param {string} id */
  #unstream(id) {
    this.streams.get(id)?.();
    this.streams.delete(id);
  }

  /** See to it no more; another tab may. @param {string} id */
  #leave(id) {
    this.#unstream(id);
    this.mine.delete(id);
    this.owning.get(id)?.abort();
    this.owning.delete(id);
  }

  /** @param {string} id */
  #drop(id) {
    this.#leave(id);
    this.jobs.delete(id);
    this.rows.delete(id);
    this.stopped.delete(id);
  }

  /** @param {string} id */
  #remove(id) {
    this.#drop(id);
    this.tasks = this.tasks.filter((task) => task.id !== id);
    this.#save();
    this.#tend();
    this.#draw();
  }

  #save() {
    this.app.store.set("tasks", this.tasks);
  }

  #draw() {
    this.element.hidden = !this.tasks.length;
    const elements = this.tasks.map((task) => this.#row(task).element);
    if (elements.length !== this.list.children.length || elements.some((one, index) => one !== this.list.children[index]))
      refill(this.list, ...elements);
  }

  /** @param {Task} task */
  #row(task) {
    let row = this.rows.get(task.id);
    if (!row) {
      const picture = el("img", { alt: "", src: task.picture || null });
      const bar = el("progress", { max: 1, value: 0, "aria-label": task.title });
      const state = el("span", { class: "dim" });
      const acts = el("div", { class: "row small" });
      const element = el("li", {}, picture, el("div", { class: "task" }, el("strong", {}, task.title), bar, state, acts));
      row = { element, picture, bar, state, acts, shown: "" };
      this.rows.set(task.id, row);
    }
    const job = this.jobs.get(task.id);
    row.bar.value = job?.fraction ?? 0;
    row.bar.hidden = over(job);
    const file = job?.state === "done" && task.save && !task.learned ? ` · ${task.file}` : "";
    const said = words.jobState(job, secondsLeft(job)) + file;
    if (row.state.textContent !== said) row.state.textContent = said;
    if (job?.links.preview && job.state === "running") {
      const address = `${this.app.engine.preview(job)}?${Math.round(job.fraction * 1000)}`;
      if (row.picture.dataset.of !== address) row.picture.src = row.picture.dataset.of = address;
    }
    const state = job?.state ?? "waiting";
    const seen = /\.(jpg|png|webp|avif)$/.test(task.file) && (state === "done" || (state === "running" && !!job?.fraction));
    const shown = `${state} ${seen} ${job?.stopping}`;
    if (row.shown !== shown) {
      row.shown = shown;
      const part = (/** @type {string} */ name) => ({ "data-part": `${task.id} ${name}` });
      refill(
        row.acts,
        !over(job) && button(words.stop, () => this.#stop(task.id), { title: words.stopHelp, disabled: !!job?.stopping, ...part("stop") }),
        job && state === "done" && !task.learned && button(words.saveResult, () => void this.save(task, this.jobs.get(task.id) ?? job), part("save")),
        seen && button(words.show, () => void this.#show(task), { title: words.showHelp, ...part("show") }),
        over(job) && button(words.dismiss, () => this.#dismiss(task.id), part("dismiss")),
      );
    }
    return row;
  }

  /** Show what there is of it beside the canvas's picture. @param {Task} task */
  async #show(task) {
    const job = this.jobs.get(task.id);
    if (!job || !this.painter.picture) return;
    try {
      const picture = await createImageBitmap(await this.app.engine.result(job, job.state === "done" ? "result" : "preview"));
      this.view.compare(null); // what others compare ends
      this.view.compare({ pictures: [picture, this.painter.picture], labels: [task.title, words.now] });
    } catch (error) {
      this.app.fail(gone(error) ? new Fault(words.nothingYet) : error);
    }
  }

  /** End it with what there is, once that is safe. @param {string} id */
  #stop(id) {
    this.stopped.add(id);
    const job = this.jobs.get(id);
    if (job) this.#heard(id, job);
    this.app.engine.finish(id).catch((error) => {
      if (gone(error) || over(this.jobs.get(id))) return;
      this.stopped.delete(id);
      this.app.fail(error);
    });
  }

  /** @param {string} id */
  #dismiss(id) {
    void this.app.engine.stop(id);
    this.#remove(id);
  }
}

/** @param {Job | undefined} job */
function over(job) {
  return job?.state === "done" || job?.state === "failed" || job?.state === "canceled";
}

/** Whether an error says that there is no result, or no job. @param {unknown} error */
function gone(error) {
  return error instanceof Fault && (error.status === 404 || error.code === "no-result");
}

/** @param {Job | undefined} job @returns {number | null} seconds, if they can be told */
export function secondsLeft(job) {
  if (!job || job.state !== "running" || !job.began || job.fraction < 0.03) return null;
  const spent = (Date.now() - Date.parse(job.began)) / 1000;
  return Math.max(0, (spent / job.fraction) * (1 - job.fraction));
}

// Long work: what waits, runs and is done. It outlives a reload, since its ids are kept.

import { button, download, el, fill } from "./dom.js";
import { Fault } from "./engine.js";
import { words } from "./words.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./engine.js").Job} Job
 *
 * @typedef {object} Task
 * @property {string} id
 * @property {string} title
 * @property {string} file what the result is called
 * @property {string} picture a small picture of it, as a data address
 * @property {boolean} save whether the result is to be saved once it is there
 * @property {string} [learned] the style that comes of it
 * @property {string} [instead] the painting of one's own whose place it takes
 */

const MOST = 20;

export class Tray {
  /** @param {App} app @param {import("./view.js").View} view @param {import("./painter.js").Painter} painter */
  constructor(app, view, painter) {
    this.app = app;
    this.view = view;
    this.painter = painter;
    /** @type {Task[]} */
    this.tasks = app.store.get("tasks", /** @type {Task[]} */ ([]));
    /** @type {Map<string, Job>} */
    this.jobs = new Map();
    /** @type {Map<string, () => void>} */
    this.following = new Map();
    this.list = el("ul", { class: "tasks" });
    this.element = el("section", { class: "tray", "aria-label": words.tray, hidden: true }, el("h3", {}, words.tray), this.list);
    /** @type {Map<string, {element: HTMLElement, picture: HTMLImageElement, bar: HTMLProgressElement, state: HTMLElement, acts: HTMLElement, shown: string}>} */
    this.rows = new Map();
    for (const task of this.tasks) this.#follow(task);
    this.#draw();
    setInterval(() => this.#draw(), 1000);
  }

  /**
   * Begin some work.
   * @param {() => Promise<Job>} begin
   * @param {Omit<Task, "id">} task
   */
  async add(begin, task) {
    try {
      const job = await begin();
      const found = { ...task, id: job.id };
      this.tasks = [found, ...this.tasks].slice(0, MOST);
      this.jobs.set(job.id, job);
      this.#save();
      this.#follow(found);
      this.#draw();
      this.element.scrollIntoView({ block: "nearest" });
    } catch (error) {
      this.app.fail(error);
    }
  }

  /** @param {Task} task */
  #follow(task) {
    this.following.get(task.id)?.();
    this.following.set(
      task.id,
      this.app.engine.follow(task.id, (job) => {
        if (job === null) return this.#remove(task.id); // the server has it no more
        const before = this.jobs.get(task.id)?.state;
        this.jobs.set(task.id, job);
        if (job.state !== before && ["done", "failed", "canceled"].includes(job.state)) void this.#ended(task, job);
        this.#draw();
      }),
    );
  }

  /** @param {Task} task @param {Job} job */
  async #ended(task, job) {
    if (job.state === "done" && task.learned) {
      const { instead, learned } = task;
      await (instead ? this.app.tookIn(instead, learned) : this.app.reloadStyles()).catch((error) => this.app.fail(error));
      this.app.note(words.learned(task.title));
    }
    if (job.state === "done" && task.save) {
      task.save = false;
      this.#save();
      await this.save(task, job);
    }
    if (job.state === "done" && document.hidden) this.#notify(words.finished(task.title));
    if (job.state === "failed" && job.error) this.app.say({ text: words.failed(task.title, job.error.message, job.error.hint), kind: "fault" });
  }

  /** @param {string} text */
  #notify(text) {
    const title = document.title;
    document.title = `✓ ${text}`;
    document.addEventListener("visibilitychange", () => (document.title = title), { once: true });
    if ("Notification" in window && Notification.permission === "granted") new Notification("Impasto", { body: text });
  }

  /** @param {Task} task @param {Job} job */
  async save(task, job) {
    try {
      const answer = await fetch(this.app.engine.address(job, "result"));
      if (!answer.ok) throw new Error(words.resultGone);
      download(await answer.blob(), task.file);
    } catch (error) {
      this.app.fail(error);
    }
  }

  /** @param {string} id */
  #remove(id) {
    this.following.get(id)?.();
    this.following.delete(id);
    this.jobs.delete(id);
    this.rows.delete(id);
    this.tasks = this.tasks.filter((task) => task.id !== id);
    this.#save();
    this.#draw();
  }

  #save() {
    this.app.store.set("tasks", this.tasks);
  }

  #draw() {
    this.element.hidden = !this.tasks.length;
    const elements = this.tasks.map((task) => this.#row(task).element);
    if (elements.length !== this.list.children.length || elements.some((one, index) => one !== this.list.children[index]))
      fill(this.list, ...elements);
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
    row.bar.hidden = job?.state === "done" || job?.state === "failed" || job?.state === "canceled";
    const said = words.jobState(job, secondsLeft(job));
    if (row.state.textContent !== said) row.state.textContent = said;
    if (job?.links.preview && job.state === "running") {
      const address = `${this.app.engine.address(job, "preview")}?${Math.round(job.fraction * 1000)}`;
      if (row.picture.dataset.of !== address) row.picture.src = row.picture.dataset.of = address;
    }
    const state = job?.state ?? "waiting";
    if (row.shown !== state) {
      row.shown = state;
      const running = state === "waiting" || state === "running";
      fill(
        row.acts,
        running && button(words.stop, () => void this.app.engine.stop(task.id), { title: words.stopHelp }),
        job && state === "done" && !task.learned && button(words.saveResult, () => void this.save(task, job)),
        /\.(jpg|png|webp|avif)$/.test(task.file) && state !== "waiting" && button(words.show, () => void this.#show(task), { title: words.showHelp }),
        !running && button(words.dismiss, () => this.#dismiss(task.id)),
      );
    }
    return row;
  }

  /** Show what there is of it beside the canvas's picture. @param {Task} task */
  async #show(task) {
    const job = this.jobs.get(task.id);
    if (!job || !this.painter.picture) return;
    const what = job.state === "done" ? "result" : "preview";
    try {
      const answer = await fetch(this.app.engine.address(job, what));
      if (!answer.ok) throw new Fault(words.nothingYet);
      const picture = await createImageBitmap(await answer.blob());
      this.view.compare({ pictures: [picture, this.painter.picture], labels: [task.title, words.now] });
    } catch (error) {
      this.app.fail(error);
    }
  }

  /** @param {string} id */
  #dismiss(id) {
    void this.app.engine.stop(id);
    this.#remove(id);
  }
}

/** @param {Job | undefined} job @returns {number | null} seconds, if they can be told */
export function secondsLeft(job) {
  if (!job || job.state !== "running" || !job.began || job.fraction < 0.03) return null;
  const spent = (Date.now() - Date.parse(job.began)) / 1000;
  return Math.max(0, (spent / job.fraction) * (1 - job.fraction));
}

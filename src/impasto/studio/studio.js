// <impasto-studio>: the whole editor as one element, in anybody's page. Attribute "server": the service's address; the
// page's own if it is not there. Attribute "home": the address of the studio's own files, if they are not beside this one.

import { App } from "./app.js";
import { Blend } from "./blend.js";
import { Brush } from "./brush.js";
import { button, el, fill } from "./dom.js";
import { offerEdit } from "./edit.js";
import { Fault, faultOf } from "./engine.js";
import { Export } from "./export.js";
import { nameFor } from "./fields.js";
import { Layers } from "./layers.js";
import { newKey } from "./look.js";
import { Painter } from "./painter.js";
import { lesson, Panel } from "./panel.js";
import { Presets } from "./presets.js";
import { Rail } from "./rail.js";
import { server } from "./server.js";
import { Store } from "./store.js";
import { Strip } from "./strip.js";
import { Tray } from "./tray.js";
import { Versions } from "./versions.js";
import { View } from "./view.js";
import { words } from "./words.js";

/** @typedef {import("./app.js").Message} Message */

const HOME = new URL(".", import.meta.url).href;
const SHOWN = 7000; // milliseconds that a note stays

export class Studio extends HTMLElement {
  /**
   * What paints, where it is not a service; given before the element comes into the page.
   * @type {((onNote: (note: string) => void) => import("./engine.js").Engine) | null}
   */
  makeEngine = null;

  /** @type {HTMLElement[]} buttons that a page adds to the bar */
  tools = [];

  connectedCallback() {
    this.leaving = new AbortController();
    if (this.shadowRoot) {
      this.#listenOutside(); // it was moved
      this.tray?.begin();
      return;
    }
    const root = this.attachShadow({ mode: "open" });
    this.home = this.hasAttribute("home") ? new URL(this.getAttribute("home") ?? "", document.baseURI).href : HOME;
    const style = el("link", { rel: "stylesheet", crossorigin: "anonymous", href: `${this.home}studio.css` });
    style.addEventListener("load", () => void this.#start());
    style.addEventListener("error", () => void this.#start()); // plain, but there
    root.append(style, (this.page = el("div", { class: "studio" })));
  }

  disconnectedCallback() {
    this.leaving?.abort();
    this.tray?.end();
  }

  async #start() {
    const store = new Store();
    await store.ready;
    const visitor = store.get("visitor", "") || newKey();
    store.set("visitor", visitor);
    const base = (this.getAttribute("server") ?? "").replace(/\/$/, "");
    const note = (/** @type {string} */ text) => this.app?.note(text);
    const engine = this.makeEngine?.(note) ?? server(base, visitor, note);
    const app = (this.app = new App(engine, store, this.home ?? HOME));
    const painter = (this.painter = new Painter(app));
    const brush = (this.brush = new Brush(app, painter));
    const view = (this.view = new View(app, painter, brush));
    const strip = (this.strip = new Strip(app, painter));
    const rail = new Rail(app, painter);
    const tray = (this.tray = new Tray(app, view, painter));
    this.exporting = new Export(app, painter, tray, rail);
    const versions = (this.versions = new Versions(app, painter, view));
    const panel = new Panel(
      app,
      strip,
      new Blend(app).element,
      new Layers(app, brush, view).element,
      new Presets(app).element,
      tray.element,
    );
    this.says = el("div", { class: "says", role: "status", "aria-live": "polite" });
    this.faults = el("div", { class: "faults", role: "alert" });
    this.busy = el("div", { class: "busy", role: "status", hidden: true });
    this.spoken = el("div", { class: "unseen", role: "status", "aria-live": "polite" });
    fill(
      /** @type {HTMLElement} */ (this.page),
      this.#bar(),
      el("div", { class: "middle" }, view.element, view.tools, rail.element, versions.element),
      panel.element,
      strip.element,
      this.exporting.element,
      (this.about = this.#about()),
      el("div", { class: "messages" }, this.busy, this.says, this.faults),
      this.spoken,
      el("div", { class: "drop", hidden: true, "aria-hidden": "true" }),
    );
    const middle = /** @type {HTMLElement} */ (view.element.parentElement);
    new ResizeObserver(() => {
      const place = getComputedStyle(/** @type {HTMLElement} */ (this.page)).getPropertyValue("--history").trim();
      const home = place === "panel" ? panel.element : middle;
      if (versions.element.parentElement !== home) home.append(versions.element);
    }).observe(this);
    view.element.append(el("span", { class: "working", "aria-hidden": "true" }, words.painting));
    app.addEventListener("message", (event) => this.#say(/** @type {CustomEvent<Message>} */ (event).detail));
    app.on("photos", () => this.#named());
    app.on("look", () => this.#named());
    let timer = 0;
    painter.addEventListener("busy", () => {
      clearTimeout(timer);
      if (painter.busy) timer = window.setTimeout(() => view.element.toggleAttribute("data-busy", true), 250);
      else {
        view.element.toggleAttribute("data-busy", false);
        if (painter.seconds && !app.moving) this.#announce();
      }
    });
    panel.element.addEventListener("keep", (event) => void this.#keep(event));
    for (const name of /** @type {const} */ (["learn", "bold"])) {
      panel.element.addEventListener(name, (event) => void this.#keep(event, lesson(app, name)));
    }
    panel.element.addEventListener("rename", (event) => void this.#rename(event));
    panel.element.addEventListener("remove", (event) => void this.#remove(event));
    this.#listen();
    await this.#begin();
  }

  async #begin() {
    try {
      await this.app?.start();
      const bar = this.page?.querySelector(".bar");
      if (this.app && this.painter && this.page && bar) await offerEdit(this.app, this.painter, bar, this.page);
    } catch (error) {
      const text = (faultOf(error) ?? new Fault(String(error))).text;
      this.#say({ text, kind: "fault", action: words.tryAgain, act: () => void this.#begin() });
    }
  }

  #bar() {
    const file = el("input", {
      type: "file",
      accept: "image/*,video/*,.json,.heic,.avif,.tif,.tiff",
      multiple: true,
      hidden: true,
    });
    file.addEventListener("change", () => {
      void this.app?.bring([...(file.files ?? [])]);
      file.value = "";
    });
    const camera = el("input", { type: "file", accept: "image/*", hidden: true, capture: "environment" });
    camera.addEventListener("change", () => {
      void this.app?.bring([...(camera.files ?? [])]);
      camera.value = "";
    });
    this.name = el("span", { class: "name dim" });
    this.undoing = button("↶", () => this.app?.step(-1), { "aria-label": words.undo, title: `${words.undo} (Ctrl Z)` });
    this.redoing = button("↷", () => this.app?.step(1), { "aria-label": words.redo, title: `${words.redo} (Ctrl Shift Z)` });
    return el(
      "header",
      { class: "bar" },
      el("h1", {}, "Impasto"),
      el("button", { type: "button", on: { click: () => file.click() } }, words.open, el("span", { class: "wide" }, words.openPhotos)),
      !this.tools.length && button(words.camera, () => camera.click(), { class: "camera" }), // pickers offer it, too
      ...this.tools,
      file,
      camera,
      this.name,
      this.undoing,
      this.redoing,
      button("?", () => this.about?.showModal(), { "aria-label": words.help, title: words.help }),
      el("button", { type: "button", class: "primary export", on: { click: () => this.exporting?.open() } }, words.export, el("span", { class: "wide" }, words.dots)),
    );
  }

  #named() {
    const { app } = this;
    if (!app?.brought || !this.name || !this.undoing || !this.redoing) return;
    const { photo, name } = app.brought;
    this.name.textContent = words.dimensions(name, photo.width, photo.height);
    this.undoing.disabled = !app.undo.past.length;
    this.redoing.disabled = !app.undo.future.length;
  }

  #about() {
    const credits = el("ul", { class: "credits" });
    const dialog = el(
      "dialog",
      { "aria-labelledby": "about-title" },
      el("h2", { id: "about-title" }, words.help),
      el("table", {}, el("tbody", {}, ...words.keys.map(([key, does]) => el("tr", {}, el("th", { scope: "row" }, key), el("td", {}, does))))),
      this.#letters(),
      el("p", { class: "private" }),
      el("details", {}, el("summary", {}, words.credits), credits),
      el("p", { class: "dim version" }),
      el(
        "div",
        { class: "row end" },
        button(words.forget, () => void this.#forget()),
        button(words.close, () => dialog.close(), { class: "primary" }),
      ),
    );
    dialog.addEventListener("toggle", () => {
      const styles = this.app?.styles ?? [];
      fill(credits, ...styles.filter((style) => style.builtin).map((style) => el("li", {}, `${style.title}, ${style.artist}, ${style.year}. ${style.license}`)));
      fill(/** @type {Element} */ (dialog.querySelector(".version")), words.version(this.app?.limits?.version ?? ""));
      fill(/** @type {Element} */ (dialog.querySelector(".private")), this.app?.limits?.local ? words.privateHere : words.private);
    });
    return dialog;
  }

  /** Whether single letters are keys; who speaks to the computer may not want them. */
  #letters() {
    const input = el("input", { type: "checkbox" });
    input.checked = this.app?.store.get("letters", true) ?? true;
    input.addEventListener("change", () => this.app?.store.set("letters", input.checked));
    return el("label", { class: "check" }, input, el("span", {}, words.letters));
  }

  /** @param {Message} message */
  #say({ text, kind, action, act }) {
    const { says, faults, busy } = this;
    if (!says || !faults || !busy) return;
    if (kind === "busy") {
      busy.hidden = !text;
      busy.textContent = text;
      return;
    }
    const box = kind === "fault" ? faults : says;
    if (!text) return box.replaceChildren();
    const close = () => one.remove();
    const one = el(
      "div",
      { class: `message ${kind}` },
      el("span", {}, text),
      action && button(action, () => { act?.(); close(); }),
      button("✕", close, { "aria-label": words.close, class: "quiet" }),
    );
    for (const old of [...box.children]) if (old.firstChild?.textContent === text) old.remove();
    while (box.children.length > 2) box.firstChild?.remove();
    box.append(one);
    if (kind === "note" && !action) {
      const later = () => (one.matches(":hover, :focus-within") ? setTimeout(later, SHOWN) : close());
      setTimeout(later, SHOWN);
    }
  }

  /** Tell those who do not see it that the picture has changed. */
  #announce() {
    const { app, painter } = this;
    if (!app || !painter) return;
    const text = words.painted(app.look.styles.map((share) => app.titleOf(share.style)).join(" + "), painter.seconds ?? 0);
    if (this.spoken) this.spoken.textContent = text;
  }

  // Keys, drops, pastes.

  #listen() {
    const page = /** @type {HTMLElement} */ (this.page);
    const drop = /** @type {HTMLElement} */ (page.querySelector(".drop"));
    const asStyle = (/** @type {DragEvent} */ event) => event.composedPath().includes(/** @type {HTMLElement} */ (this.strip?.element));
    page.addEventListener("dragover", (event) => {
      if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
      event.preventDefault();
      drop.hidden = false;
      drop.textContent = asStyle(event) ? words.dropStyle : words.dropPhoto;
      drop.classList.toggle("style", asStyle(event));
    });
    page.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) drop.hidden = true;
    });
    page.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.hidden = true;
      void this.app?.bring([...(event.dataTransfer?.files ?? [])], asStyle(event) ? "style" : "photo");
    });
    this.#listenOutside();
  }

  /** Keys and pastes that go to nothing in particular; what another part of the page is given is left to it. */
  #listenOutside() {
    const signal = this.leaving?.signal;
    const ours = (/** @type {Event} */ event) => {
      const [target] = event.composedPath();
      return event.composedPath().includes(this) || target === document.body || target === document.documentElement;
    };
    document.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length || !ours(event)) return;
      void this.app?.bring(files, this.strip?.element.matches(":focus-within") ? "style" : "photo");
    }, { signal });
    document.addEventListener("keydown", (event) => ours(event) && this.#key(event), { signal });
    document.addEventListener("keyup", (event) => {
      if (event.key.toLowerCase() === "b") this.view?.showBefore(false);
    }, { signal });
    window.addEventListener("blur", () => this.view?.showBefore(false), { signal });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { app, view, brush } = this;
    const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
    const writes = target.matches?.("input:not([type=range],[type=radio],[type=checkbox]), select, textarea");
    if (!app || !view || !brush || this.shadowRoot?.querySelector("dialog[open]") || event.defaultPrevented) return;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (writes && key !== "s") return;
      if (key === "z") app.step(event.shiftKey ? 1 : -1);
      else if (key === "y") app.step(1);
      else if (key === "s") this.exporting?.open();
      else return;
    } else if (writes || event.altKey) {
      return;
    } else if (key === "delete" && target.matches?.("input[type=range]")) {
      target.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    } else if (key === "escape") {
      brush.choose("");
      view.compare(null);
    } else if (!app.store.get("letters", true)) {
      return;
    } else if (key === "b") view.showBefore(true);
    else if (key === "\\") view.toggleSplit();
    else if (key === "0") view.zoomBy(1 / view.geometry.zoom);
    else if (key === "1") view.zoomBy(view.geometry.oneToOne / view.geometry.zoom);
    else if (key === "+" || key === "=") view.zoomBy(1.5);
    else if (key === "-") view.zoomBy(1 / 1.5);
    else if (key === "[" || key === "]") brush.set({ size: brush.size * (key === "[" ? 0.8 : 1.25) });
    else if (key === "x" && brush.active) brush.choose(brush.layer, !brush.erase);
    else if (key === "m") {
      view.veil = !view.veil;
      view.draw();
    } else if (key === "f") this.strip?.toggleFavorite(app.look.styles[0].style);
    else return;
    event.preventDefault();
  }

  // One's own styles.

  /**
   * Keep a painting in the gallery, and learn it if that is asked for.
   * @param {Event} event @param {ReturnType<typeof lesson>} [how]
   */
  async #keep(event, how) {
    const { app } = this;
    const key = String(/** @type {CustomEvent} */ (event).detail);
    const own = app?.own.get(key);
    const title = own ? await this.#ask(words.whichTitle, app?.titleOf(`own:${key}`) ?? "") : app?.titleOf(key);
    if (!app || !this.tray || !title) return;
    const name = own ? nameFor(title, app.styles.map((style) => style.name)) : key;
    await this.tray.add(
      async () => {
        /** @type {[string, string][]} */
        const fields = [["name", name]];
        for (const [field, value] of Object.entries(how ?? {})) fields.push([field, String(value)]);
        if (own) fields.push(["title", title], ["painting", `upload:${(await app.held(own)).id}`]);
        return app.engine.learn(fields);
      },
      {
        title: how ? words.learning(title) : words.keeping(title),
        file: "",
        picture: "",
        save: false,
        learned: name,
        name: title,
        instead: own ? `own:${key}` : undefined,
      },
    );
  }

  /** @param {Event} event */
  async #rename(event) {
    const name = String(/** @type {CustomEvent} */ (event).detail);
    const { app } = this;
    const title = await this.#ask(words.whichTitle, app?.titleOf(name) ?? "");
    if (!app || !title) return;
    try {
      await app.engine.rename(name, { title });
      await app.reloadStyles();
    } catch (error) {
      app.fail(error);
    }
  }

  /** @param {Event} event */
  async #remove(event) {
    const { app } = this;
    const key = String(/** @type {CustomEvent} */ (event).detail);
    if (!app) return;
    if (app.own.has(key)) return app.removeOwn(key);
    if (!(await this.#ask(`${words.remove}: ${app.titleOf(key)}?`))) return;
    try {
      await app.engine.forget(key);
      await app.reloadStyles();
    } catch (error) {
      app.fail(error);
    }
  }

  async #forget() {
    this.about?.close();
    if (!(await this.#ask(words.forgetSure))) return;
    for (const task of this.tray?.tasks ?? []) void this.app?.engine.stop(task.id);
    await this.app?.forget();
    location.reload();
  }

  /**
   * Ask for a text, or whether something is meant.
   * @param {string} question
   * @param {string} [text] to begin with; without it, yes or no is asked for
   * @returns {Promise<string>} "" if it is not
   */
  #ask(question, text) {
    return new Promise((done) => {
      const input = text === undefined ? null : el("input", { type: "text", value: text, maxLength: 100, "aria-label": question });
      const dialog = el(
        "dialog",
        { "aria-label": question },
        el(
          "form",
          { method: "dialog" },
          el("p", {}, question),
          input,
          el("div", { class: "row end" }, button(words.cancel, () => dialog.close()), el("button", { type: "submit", class: "primary", value: "yes" }, text === undefined ? words.remove : words.savePreset)),
        ),
      );
      dialog.addEventListener("close", () => {
        dialog.remove();
        done(dialog.returnValue === "yes" ? (input ? input.value.trim() : "yes") : "");
      });
      this.page?.append(dialog);
      dialog.showModal();
      input?.select();
    });
  }
}

customElements.define("impasto-studio", Studio);

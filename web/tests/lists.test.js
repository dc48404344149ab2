import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { button, el, refill } from "../../src/impasto/studio/dom.js";
import { wearPreset } from "../../src/impasto/studio/presets.js";
import { server } from "../../src/impasto/studio/server.js";
import { Tray } from "../../src/impasto/studio/tray.js";
import { words } from "../../src/impasto/studio/words.js";

describe("a list that is drawn again", () => {
  const row = (name) => el("li", {}, ...["open", "remove"].map((act) => button(act, () => {}, { "data-part": `${name} ${act}` })));
  const focused = () => /** @type {HTMLElement} */ (document.activeElement)?.dataset.part;
  let list;
  beforeEach(() => {
    list = el("ul", {}, row("a"), row("b"), row("c"));
    document.body.replaceChildren(el("section", {}, list), button("elsewhere", () => {}));
  });
  const focus = (part) => list.querySelector(`[data-part="${part}"]`).focus();

  test("keeps the focus at the same part, wherever it is now", () => {
    focus("b remove");
    refill(list, row("new"), row("a"), row("b"));
    expect(focused()).toBe("b remove");
  });

  test("gives it to what comes into the place of what is gone, also at the end", () => {
    focus("b remove");
    refill(list, row("a"), row("c"));
    expect(focused()).toBe("c remove");
    refill(list, row("a"));
    expect(focused()).toBe("a remove");
  });

  test("keeps it around a list that becomes empty or hidden", () => {
    focus("a open");
    refill(list);
    expect(document.activeElement).toBe(list);
    refill(list, row("a"));
    focus("a open");
    list.parentElement.hidden = true;
    refill(list);
    expect(document.activeElement).toBe(document.body);
  });

  test("takes it from nowhere else", () => {
    document.body.querySelector(":scope > button").focus();
    refill(list, row("a"));
    expect(document.activeElement.textContent).toBe("elsewhere");
  });
});

const job = (id, state = "running", more = {}) => ({ id, state, fraction: 0.5, began: null, error: null, links: {}, losses: {}, ...more });

describe("the tray", () => {
  let jobs, streams, asked, app, engine, kept, tray;

  const make = () => {
    const made = new Tray(app, { compare: () => {} }, {});
    app.dispatchEvent(new Event("photos"));
    document.body.append(made.element);
    return made;
  };
  const add = (id, more = {}) => tray.add(async () => (jobs.get(id) ? jobs.get(id) : jobs.set(id, job(id)).get(id)), { title: id, file: "", picture: "", save: false, ...more });
  const end = (id, state = "done", more = {}) => {
    jobs.set(id, job(id, state, more));
    streams.get(id)?.(jobs.get(id));
  };
  const rest = () => vi.advanceTimersByTimeAsync(3100);

  beforeEach(() => {
    vi.useFakeTimers();
    Element.prototype.scrollIntoView ??= () => {};
    jobs = new Map();
    streams = new Map();
    asked = [];
    kept = {};
    engine = {
      follow: (id, heard) => (streams.set(id, heard), () => streams.delete(id)),
      job: async (id) => (asked.push(id), jobs.get(id) ?? null),
      stop: async () => {},
      result: vi.fn(async () => new Blob(["x"])),
      preview: () => "",
    };
    app = Object.assign(new EventTarget(), {
      engine,
      store: { get: (name, instead) => structuredClone(kept[name] ?? instead), set: (name, value) => (kept[name] = structuredClone(value)) },
      note: vi.fn(),
      say: vi.fn(),
      fail: vi.fn(),
      reloadStyles: vi.fn(async () => {}),
      tookIn: vi.fn(async () => {}),
    });
    tray = make();
  });
  afterEach(() => {
    tray.end();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test("streams the two oldest, asks for the others, and goes on to the next when one ends", async () => {
    for (const id of ["a", "b", "c", "d", "e", "f"]) await add(id);
    expect([...streams.keys()]).toEqual(["a", "b"]);
    await rest();
    expect(asked).toEqual(["f", "e", "d", "c"]);
    end("a");
    expect([...streams.keys()]).toEqual(["b", "c"]);
    end("e"); // which is not streamed
    await rest();
    expect(tray.jobs.get("e").state).toBe("done");
  });

  test("a task that falls out of the list is streamed no more", async () => {
    for (let i = 0; i < 21; i++) await add(`t${i}`);
    expect(tray.tasks).toHaveLength(20);
    expect([...streams.keys()]).toEqual(["t1", "t2"]);
  });

  test("a refused stream loses nothing that the program has", async () => {
    await add("a");
    await add("b");
    streams.get("a")(null);
    await vi.advanceTimersByTimeAsync(10);
    expect(asked).toEqual(["a"]);
    expect([...streams.keys()]).toEqual(["b"]); // not at once again
    jobs.delete("b");
    streams.get("b")(null);
    await rest();
    expect(tray.tasks.map((task) => task.id)).toEqual(["a"]);
    expect([...streams.keys()]).toEqual(["a"]);
  });

  test("nothing goes while the program does not answer", async () => {
    await add("a");
    engine.job = async () => Promise.reject(new Error("busy"));
    streams.get("a")(null);
    await rest();
    expect(tray.tasks).toHaveLength(1);
  });

  test("an end is told once, also after a reload", async () => {
    await add("a", { learned: "anne", title: "Keeping Anne", name: "Anne" });
    await add("b");
    end("a");
    end("b", "failed", { error: { message: "no", hint: "" } });
    await vi.advanceTimersByTimeAsync(10);
    expect(app.note.mock.calls).toEqual([["Anne is in the gallery."]]);
    expect(app.reloadStyles).toHaveBeenCalledTimes(1);
    expect(app.say).toHaveBeenCalledTimes(1);
    tray.end();
    tray = make();
    await rest();
    expect([app.note, app.reloadStyles, app.say].map((one) => one.mock.calls.length)).toEqual([1, 1, 1]);
    expect(tray.jobs.get("a").state).toBe("done");
  });

  test("what ended while the page was closed is told and saved then", async () => {
    await add("a", { save: true, file: "a.jpg" });
    tray.end();
    jobs.set("a", job("a", "done"));
    tray = make();
    await vi.advanceTimersByTimeAsync(10);
    expect(engine.result).toHaveBeenCalledTimes(1);
    expect(app.note).toHaveBeenCalledWith(`${words.finished("a")}${words.downloaded("a.jpg")}`);
    expect(tray.list.textContent).toContain("Done · a.jpg");
  });

  test("notices come where they are wanted; the title is the page's again, and a browser without them is no fault", async () => {
    const shown = vi.fn();
    class Refused {
      static permission = "granted";
      constructor(...given) {
        shown(...given);
        throw new TypeError("Illegal constructor");
      }
    }
    vi.stubGlobal("Notification", Refused);
    window.Notification = /** @type {any} */ (Refused);
    document.title = "Impasto";
    const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    for (const [id, tell] of [["a", true], ["b", true], ["c", false]]) await add(id, { tell });
    for (const id of ["a", "b", "c"]) {
      end(id);
      await rest();
    }
    expect(shown.mock.calls.map((call) => call[1].body)).toEqual([words.finished("a"), words.finished("b")]);
    expect(document.title).toBe(`✓ ${words.finished("b")}`);
    hidden.mockReturnValue(false);
    document.dispatchEvent(new Event("visibilitychange"));
    expect(document.title).toBe("Impasto");
    expect(app.note).toHaveBeenCalledTimes(3);
    expect(app.fail).not.toHaveBeenCalled();
  });

  test("it ends: no stream and no question is left, and it can begin again", async () => {
    for (const id of ["a", "b", "c"]) await add(id);
    tray.end();
    expect(streams.size).toBe(0);
    asked.length = 0;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toEqual([]);
    tray.begin();
    await rest();
    expect([...streams.keys()].sort()).toEqual(["a", "b"]);
  });

  test("the focus goes from Stop to Save", async () => {
    await add("a");
    tray.element.querySelector("button").focus();
    expect(document.activeElement.textContent).toBe(words.stop);
    end("a");
    expect(document.activeElement.textContent).toBe(words.saveResult);
  });

  test("another tab's tasks are shown, and go with it", async () => {
    jobs.set("z", job("z"));
    kept.tasks = [{ id: "z", title: "z", file: "", picture: "", save: false }];
    window.dispatchEvent(Object.assign(new Event("storage"), { key: "impasto:tasks" }));
    await rest();
    expect(tray.element.textContent).toContain("z");
    kept.tasks = [];
    window.dispatchEvent(Object.assign(new Event("storage"), { key: "impasto:tasks" }));
    expect(tray.tasks).toEqual([]);
    expect(streams.size).toBe(0);
  });
});

test("how work stands is said without names of losses", () => {
  const text = words.jobState(job("a", "running", { losses: { style: 12345.6, content: 0.1 } }), 90);
  expect(text).toBe("50 % · about 2 min left");
  expect(words.jobState(job("a"), null)).toBe("50 %");
});

describe("the engine behind HTTP", () => {
  afterEach(() => vi.unstubAllGlobals());
  const engine = server("", "me");

  test("says null of a job that is not there, and a fault of all else", async () => {
    vi.stubGlobal("fetch", async () => new Response("{}", { status: 404 }));
    expect(await engine.job("a")).toBe(null);
    vi.stubGlobal("fetch", async () => new Response('{"detail": "too busy"}', { status: 503 }));
    await expect(engine.job("a")).rejects.toMatchObject({ message: "too busy", status: 503 });
  });

  test("speaks the page's words where a result does not come, or breaks off", async () => {
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
    await expect(engine.result(job("a"))).rejects.toMatchObject({ code: "no-answer" });
    vi.stubGlobal("fetch", async () => ({ ok: true, blob: async () => Promise.reject(new TypeError("Failed to fetch")) }));
    await expect(engine.result(job("a"))).rejects.toMatchObject({ code: "no-answer" });
  });
});

describe("a preset", () => {
  const worn = async (/** @type {object} */ preset) => {
    let found;
    const app = {
      styles: [{ name: "udnie" }, { name: "great-wave" }],
      own: new Map(),
      look: { styles: [{ style: "udnie", weight: 1 }] },
      wear: async (look) => { found = look; },
      titleOf: (style) => style,
      note: vi.fn(),
    };
    await wearPreset(app, preset);
    return found;
  };

  test("of controls alone leaves the style", async () => {
    const look = await worn({ styles: [], controls: { strength: 30 }, layers: [] });
    expect(look.styles).toEqual([{ style: "udnie", weight: 1 }]);
    expect(look.controls.strength).toBe(30);
  });

  test("brings its style and the parts that the command line has given it", async () => {
    const layers = [{ found: "faces", style: "", strength: 40, brush_size: null }];
    const look = await worn({ name: "a", styles: [{ style: "great-wave", weight: 1 }], controls: {}, layers });
    expect(look.styles).toEqual([{ style: "great-wave", weight: 1 }]);
    expect(look.layers).toMatchObject(layers);
  });
});

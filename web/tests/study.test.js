import { beforeEach, describe, expect, test, vi } from "vitest";
import { Clock } from "../../src/impasto/study/page/clock.js";
import { csvOf } from "../../src/impasto/study/page/csv.js";
import { Keeping } from "../../src/impasto/study/page/keeping.js";
import { actOf } from "../../src/impasto/study/page/keys.js";
import { planOf } from "../../src/impasto/study/page/plan.js";
import { endScreen, welcomeScreen } from "../../src/impasto/study/page/screens.js";
import { newObserver, Session } from "../../src/impasto/study/page/session.js";
import { Sending } from "../../src/impasto/study/page/sending.js";
import { arranged, closer, nearestStop, nextStop, panned, stopsOf, WHOLE, within, zoomed } from "../../src/impasto/study/page/view.js";

const trial = (n) => ({ photo: `p${n}`, painting: `q${n}`, a: `a${n}`, b: `b${n}` });
const pictures = Object.fromEntries([1, 2, 3, 4].flatMap((n) => Object.values(trial(n))).map((id) => [id, { width: 4, height: 3 }]));
const questions = [{ name: "closer", text: "Closer?" }, { name: "better", text: "Better?" }];
const base = { study: "s", title: "T", welcome: "", consent: "", mail: "", questions, pictures };
const still = { ...base, trials: 2, served: false, orders: [[trial(1), trial(2)], [trial(2), trial(1)]] };
const served = { ...base, trials: 3, served: true };
const given = (session) => session.answers.map((one) => [one.trial, one.question, one.choice]);

beforeEach(() => localStorage.clear());

const begun = (plan, chance = () => 0) => {
  const session = new Session(plan, new Keeping(plan), chance);
  session.begin("0123456789abcdef");
  return session;
};

describe("a session", () => {
  test("puts all questions of a trial, then the next trial, in the order that was drawn", () => {
    const session = begun(still, () => 0.9);
    const seen = [];
    for (; !session.over; session.answer("a", 1)) seen.push(`${session.trial.a} ${session.question.name} ${session.number}/${session.total}`);
    expect(seen).toEqual(["a2 closer 1/2", "a2 better 1/2", "a1 closer 2/2", "a1 better 2/2"]);
    expect(session.answers[0]).toEqual({ observer: "0123456789abcdef", session: 1, trial: 1, question: "closer", ...trial(2), choice: "a", seconds: 1, safe: false });
  });

  test("an answer that was gone back to, over the border of a trial, is replaced", () => {
    const session = begun(still);
    session.back();
    expect(session.step).toBe(0);
    session.answer("a", 1);
    session.answer("b", 1);
    session.back();
    expect([session.number, session.question.name, session.given.choice]).toEqual([1, "better", "b"]);
    expect(given(session)).toHaveLength(2);
    session.answer("none", 2);
    expect(session.number).toBe(2);
    expect(given(session)).toEqual([[1, "closer", "a"], [1, "better", "none"]]);
  });

  test("a reloaded page goes on at the first open question, with the same order", () => {
    const session = begun(still, () => 0.9);
    session.answer("a", 1);
    session.answer("b", 1);
    session.answer("b", 1);
    const after = new Session(still, new Keeping(still), () => 0);
    expect(after.unfinished).toBe(true);
    expect([after.done, after.number, after.question.name, after.trial.a]).toEqual([1, 2, "better", "a1"]);
  });

  test("without a server it is unfinished until its answers are in a file", () => {
    const session = begun(still);
    expect(new Session(still, new Keeping(still)).unfinished).toBe(true);
    while (!session.over) session.answer("a", 1);
    expect(session.unfinished).toBe(true);
    session.secure(session.forFile);
    expect(new Session(still, new Keeping(still)).unfinished).toBe(false);
    expect(session.forFile).toHaveLength(4);
  });

  test("another round counts on; another observer counts from 1, and takes unsaved answers of the last along", () => {
    const session = begun(still);
    session.answer("a", 1);
    session.begin(session.round.observer);
    expect(session.round.session).toBe(2);
    expect(session.given).toBeNull();
    session.leave();
    expect(session.unfinished).toBe(false);
    session.begin();
    expect([session.round.session, session.done]).toEqual([1, 0]);
    expect(session.round.observer).not.toBe("0123456789abcdef");
    expect(session.forFile.map((one) => one.observer)).toEqual(["0123456789abcdef"]);
    session.secure(session.forFile);
    expect(session.forFile).toEqual([]);
  });

  test("with a server it asks for two trials in hand, and never for more than a session has", () => {
    const session = begun(served);
    expect([session.want, session.trial, session.over]).toEqual([2, null, false]);
    session.take([trial(1), trial(2)]);
    expect([session.want, session.ahead]).toEqual([0, [trial(1), trial(2)]]);
    session.answer("a", 1);
    expect(session.want).toBe(0);
    session.answer("a", 1);
    expect([session.want, session.ahead]).toEqual([1, [trial(2)]]);
    session.take([trial(3)]);
    session.answer("a", 1);
    session.answer("a", 1);
    expect([session.want, session.over]).toEqual([0, false]);
    session.answer("a", 1);
    session.answer("a", 1);
    expect([session.over, session.done]).toEqual([true, 3]);
  });

  test("no trial from the server is the end, once none is in hand", () => {
    const session = begun(served);
    session.take([trial(1)]);
    session.take([]);
    expect(session.over).toBe(false);
    session.answer("a", 1);
    session.answer("a", 1);
    expect(session.over).toBe(false);
    session.take([]);
    expect(session.over).toBe(true);
  });

  test("observers are 16 hexadecimal digits", () => {
    expect(newObserver()).toMatch(/^[0-9a-f]{16}$/);
    expect(newObserver()).not.toBe(newObserver());
  });
});

describe("what the browser keeps", () => {
  test("a refused or full storage loses nothing of the page's own", () => {
    const refused = new Keeping(still, () => { throw new DOMException("no", "SecurityError"); });
    const session = new Session(still, refused);
    session.begin();
    session.answer("a", 1);
    expect(refused.lasting).toBe(false);
    expect(session.answers).toHaveLength(1);
  });

  test("studies do not mix, and a round of pictures that are gone is left out", () => {
    begun(still).answer("a", 1);
    const other = { ...still, study: "t" };
    expect(new Session(other, new Keeping(other)).answers).toEqual([]);
    const changed = { ...still, pictures: {} };
    const session = new Session(changed, new Keeping(changed));
    expect([session.round, session.answers.length]).toEqual([null, 1]);
  });

  test("what is no record is nothing", () => {
    for (const text of ["{", "3", "null", '{"answers":1,"round":{"trials":[null]}}']) {
      localStorage.setItem("impasto-study:s", text);
      expect(new Keeping(still).read()).toEqual({ round: null, answers: [] });
    }
  });
});

describe("sending", () => {
  /** A server whose replies the test lines up, and timers that it runs. */
  const world = (...replies) => {
    const sent = [];
    const waits = [];
    return {
      sent,
      waits,
      fetch: vi.fn(async (path, { body, keepalive }) => {
        sent.push({ path, keepalive, ...JSON.parse(body) });
        const reply = replies.shift();
        if (!reply) throw new TypeError("offline");
        return reply instanceof Promise ? reply : new Response(JSON.stringify(reply.body ?? {}), { status: reply.status ?? 200 });
      }),
      setTimeout: (act, ms) => waits.push({ act, ms }),
      clearTimeout: () => {},
    };
  };
  const trials = (...numbers) => ({ body: { trials: numbers.map(trial) } });

  test("asks for trials, sends a trial's answers, and marks them", async () => {
    const session = begun(served);
    const net = world(trials(1, 2), trials(3));
    const sending = new Sending(session, () => {}, net);
    await sending.send();
    session.answer("b", 2.31);
    session.answer("none", 1);
    await sending.send();
    expect(net.sent[0]).toEqual({ path: "answers", observer: "0123456789abcdef", session: 1, answers: [], next: 1, ahead: [], want: 2 });
    expect(net.sent[1]).toMatchObject({ next: 3, ahead: [trial(2)], want: 1 });
    expect(net.sent[1].answers[0]).toEqual({ trial: 1, question: "closer", ...trial(1), choice: "b", seconds: 2.31 });
    expect(session.unsafe).toEqual([]);
    expect(session.round.trials).toHaveLength(3);
    await sending.send();
    expect(net.sent).toHaveLength(2);
  });

  test("what fails waits 1, 2, 4 … 30 s and is sent again, once", async () => {
    const session = begun(served);
    session.take([trial(1), trial(2)]);
    session.answer("a", 1);
    session.answer("a", 1);
    const net = world(null, { status: 500 }, null, null, null, null, null, trials(3));
    const sending = new Sending(session, () => {}, net);
    await sending.send();
    for (let turn = 0; turn < 7; turn++) await net.waits[turn].act();
    expect(net.waits.map((wait) => wait.ms / 1000)).toEqual([1, 2, 4, 8, 16, 30, 30]);
    expect(sending.failures).toBe(0);
    expect(session.unsafe).toEqual([]);
    expect(session.round.trials).toHaveLength(3);
  });

  test("an answer that was replaced while it was under way is sent again", async () => {
    const session = begun(served);
    session.take([trial(1), trial(2)]);
    session.answer("a", 1);
    let reply = (_) => {};
    const net = world(new Promise((resolve) => { reply = resolve; }), trials());
    const sending = new Sending(session, () => {}, net);
    const first = sending.send();
    session.back();
    session.answer("b", 1);
    await sending.send();
    reply(new Response('{"trials": []}'));
    await first;
    expect(net.sent.map((one) => one.answers.map((answer) => answer.choice))).toEqual([["a"], ["b"]]);
    expect(session.unsafe).toEqual([]);
    expect(given(session)).toEqual([[1, "closer", "b"]]);
  });

  test("a refusal is told and not sent again; later answers are", async () => {
    const session = begun(served);
    session.take([trial(1), trial(2), trial(3)]);
    session.answer("a", 1);
    const net = world({ status: 409, body: { detail: "This study is closed." } }, trials());
    const sending = new Sending(session, () => {}, net);
    await sending.send();
    expect(sending.refusal).toBe("This study is closed.");
    expect(net.waits).toEqual([]);
    await sending.send();
    expect(net.sent).toHaveLength(1);
    session.answer("b", 1);
    await sending.send();
    expect(net.sent[1].answers.map((one) => one.question)).toEqual(["better"]);
    expect(given(session)).toHaveLength(2);
  });

  test("answers of an earlier observer go out under their own name, and are dropped then", async () => {
    const session = begun(served);
    session.take([trial(1)]);
    session.answer("a", 1);
    session.leave();
    session.begin("fedcba9876543210");
    const net = world(trials(), trials(1, 2));
    await new Sending(session, () => {}, net).send();
    expect(net.sent.map((one) => [one.observer, one.answers.length, one.want])).toEqual([["0123456789abcdef", 1, 0], ["fedcba9876543210", 0, 2]]);
    expect(session.answers).toEqual([]);
    expect(session.round.trials).toHaveLength(2);
  });

  test("trials that come when another session has begun are not taken", async () => {
    const session = begun(served);
    let reply = (_) => {};
    const net = world(new Promise((resolve) => { reply = resolve; }), trials(3, 4));
    const sending = new Sending(session, () => {}, net);
    const first = sending.send();
    session.begin("fedcba9876543210");
    await sending.send();
    reply(new Response(JSON.stringify({ trials: [trial(1), trial(2)] })));
    await first;
    expect(session.round.trials).toEqual([trial(3), trial(4)]);
  });

  test("as the page goes, answers are sent with keepalive", () => {
    const session = begun(served);
    session.take([trial(1)]);
    session.answer("a", 1);
    const net = world(trials());
    new Sending(session, () => {}, net).farewell();
    expect(net.sent).toMatchObject([{ keepalive: true, want: 0, answers: [{ choice: "a" }] }]);
  });
});

test("response times leave out what was paused, for however many reasons", () => {
  let now = 1000;
  const clock = new Clock(() => now);
  clock.start();
  now += 1500;
  clock.pause("hidden");
  clock.pause("paused");
  now += 9000;
  clock.resume("hidden");
  now += 9000;
  clock.resume("paused");
  now += 814;
  expect(clock.seconds).toBe(2.31);
  clock.start();
  expect(clock.seconds).toBe(0);
  clock.pause("hidden");
  clock.start();
  now += 500;
  expect(clock.seconds).toBe(0);
});

test("a table has a line an answer, and a half for no difference", () => {
  const session = begun(still);
  session.answer("a", 2.31);
  session.answer("b", 1);
  session.answer("none", 0.5);
  expect(csvOf(session.answers)).toBe(
    "observer,session,scene,condition_A,condition_B,is_A_selected,criterion,trial,seconds\n" +
      "0123456789abcdef,1,p1__q1,a1,b1,1,closer,1,2.31\n" +
      "0123456789abcdef,1,p1__q1,a1,b1,0,better,1,1\n" +
      "0123456789abcdef,1,p2__q2,a2,b2,0.5,closer,2,0.5\n",
  );
});

describe("views", () => {
  const under = (view, at) => ({ x: view.x + (at.x - 0.5) / view.times, y: view.y + (at.y - 0.5) / view.times });

  test("zoom keeps what lies under the pointer", () => {
    const at = { x: 0.3, y: 0.8 };
    const view = zoomed(zoomed(WHOLE, 2, at, 8), 5, at, 8);
    expect(under(view, at).x).toBeCloseTo(0.3);
    expect(under(view, at).y).toBeCloseTo(0.8);
    expect(zoomed(view, 1, at, 8)).toEqual(WHOLE);
    expect(zoomed(view, 99, at, 8).times).toBe(8);
  });

  test("a view never leaves the picture", () => {
    expect(panned(WHOLE, { x: 0.4, y: -0.4 }, 8)).toEqual(WHOLE);
    expect(panned({ times: 4, x: 0.5, y: 0.5 }, { x: 0.4, y: -0.4 }, 8)).toEqual({ times: 4, x: 0.4, y: 0.6 });
    expect(panned({ times: 4, x: 0.5, y: 0.5 }, { x: 9, y: -9 }, 8)).toEqual({ times: 4, x: 0.125, y: 0.875 });
    expect(within({ times: 4, x: 0.2, y: 0.2 }, 1)).toEqual(WHOLE);
  });

  test("stops lead from fitted through 1:1 to 4:1", () => {
    const stops = stopsOf(0.4);
    expect(stops[0]).toBe(1);
    expect(stops).toContain(1 / 0.4);
    expect(stops[stops.length - 1]).toBeCloseTo(4 / 0.4);
    expect(stops).toEqual([...stops].sort((one, other) => one - other));
    expect(nextStop(stops, 1, 1)).toBe(stops[1]);
    expect(nextStop(stops, stops[2] * 1.1, -1)).toBe(stops[2]);
    expect(nextStop(stops, 1, -1)).toBe(1);
    expect(nextStop(stops, 99, 1)).toBe(stops[stops.length - 1]);
    expect(nearestStop(stops, stops[3] * 1.05)).toBe(3);
    expect(stopsOf(5)).toEqual([1]);
  });

  test("a click goes to 1:1, or to twice the size of a picture that is no larger than its pane", () => {
    expect(closer(0.4)).toBe(2.5);
    expect(closer(1.2)).toBe(2);
    expect(closer(3)).toBeCloseTo(4 / 3);
    expect(closer(5)).toBe(1);
  });

  test("two pictures are as large as they can be, one above the other in narrow boxes only", () => {
    expect(arranged({ width: 1300, height: 520 }, 4 / 3, 20, 10)).toEqual({ stacked: false, width: 645, height: 484 });
    expect(arranged({ width: 374, height: 530 }, 4 / 3, 20, 10)).toEqual({ stacked: true, width: 320, height: 240 });
    expect(arranged({ width: 374, height: 530 }, 2 / 3, 20, 10)).toMatchObject({ stacked: false, width: 182 });
    expect(arranged({ width: 1300, height: 520 }, 4, 20, 10).stacked).toBe(false);
  });
});

describe("keys", () => {
  const pressed = (key, more = {}) => actOf({ key, target: document.body, ...more });

  test("answer, zoom, pan, go back and pause; no letter, no digit, no browser's own", () => {
    expect(["ArrowLeft", "ArrowRight", "ArrowDown", "PageUp", "PageDown", "Backspace", "Escape"].map((key) => pressed(key))).toEqual(["a", "b", "none", "in", "out", "back", "pause"]);
    expect(["ArrowLeft", "ArrowUp"].map((key) => pressed(key, { shiftKey: true }))).toEqual(["left", "up"]);
    expect(["a", "b", "1", " ", "Enter", "ArrowUp"].map((key) => pressed(key))).toEqual(Array(6).fill(null));
    expect(pressed("ArrowLeft", { altKey: true })).toBeNull();
  });

  test("a slider keeps its own", () => {
    const target = Object.assign(document.createElement("input"), { type: "range" });
    expect(["ArrowLeft", "PageUp", "Escape"].map((key) => pressed(key, { target }))).toEqual([null, null, "pause"]);
  });
});

describe("screens", () => {
  const named = (element, name) => [...element.querySelectorAll("button")].find((one) => one.textContent === name);

  test("without the tick nothing begins, and the page says what is missing", () => {
    const begin = vi.fn();
    const { element } = welcomeScreen(new Session(still, new Keeping(still)), { begin, goOn: () => {}, trouble: () => "" });
    document.body.replaceChildren(element);
    named(element, "Begin").click();
    expect(begin).not.toHaveBeenCalled();
    expect(element.querySelector("[role=alert]").textContent).toContain("I agree");
    expect(document.activeElement).toBe(element.querySelector("input"));
    element.querySelector("input").click();
    expect(element.querySelector("[role=alert]").textContent).toBe("");
    named(element, "Begin").click();
    expect(begin).toHaveBeenCalledOnce();
  });

  test("an unfinished session can be gone on with, or left to another observer", () => {
    begun(still).answer("a", 1);
    const goOn = vi.fn();
    const { element } = welcomeScreen(new Session(still, new Keeping(still)), { begin: () => {}, goOn, trouble: () => "" });
    expect(element.textContent).toContain("0 of 2 done");
    expect(named(element, "Begin")).toBeUndefined();
    expect(named(element, "Begin as another observer")).toBeDefined();
    named(element, "Go on").click();
    expect(goOn).toHaveBeenCalledOnce();
  });

  test("the end says where the answers are, and a download makes them safe", () => {
    const session = begun({ ...still, mail: "a@b.org", title: "Red & blue" });
    while (!session.over) session.answer("a", 1);
    const { element } = endScreen(session, { round: () => {}, next: () => {}, trouble: () => "" });
    expect(element.querySelector("[role=status]").textContent).toContain("this browser only");
    expect(element.querySelector("a").getAttribute("href")).toBe("mailto:a@b.org?subject=Red%20%26%20blue");
    named(element, "Download the answers").click();
    expect(element.querySelector("[role=status]").textContent).toContain("downloaded");
    expect(session.unsafe).toEqual([]);
  });

  test("with a server the end tells of trouble until all is saved", () => {
    const session = begun(served);
    session.take([trial(1)]);
    session.answer("a", 1);
    let trouble = "Not saved on the server yet.";
    const { element, update } = endScreen(session, { round: () => {}, next: () => {}, trouble: () => trouble });
    const status = element.querySelector("[role=status]");
    expect(status.textContent).toBe(trouble);
    trouble = "";
    session.secure(session.unsafe);
    update();
    expect(status.textContent).toContain("saved on the server");
    expect(named(element, "Download the answers")).toBeUndefined();
  });
});

test("a document without a plan has none", () => {
  document.body.innerHTML = '<script type="application/json" id="plan">{}</script>';
  expect(planOf(document)).toBeNull();
  document.getElementById("plan").textContent = JSON.stringify(still);
  expect(planOf(document)).toEqual(still);
});

test("the modules can be put one after the other: no name twice, no renaming, no cycle", () => {
  const found = import.meta.glob("../../src/impasto/study/page/*.js", { query: "?raw", import: "default", eager: true });
  const texts = Object.fromEntries(Object.entries(found).map(([path, text]) => [path.split("/").at(-1), text]));
  const names = Object.keys(texts);
  const tops = Object.values(texts).flatMap((text) => [...text.matchAll(/^(?:export )?(?:async )?(?:function|class|const|let) ([\w$]+)/gm)].map((match) => match[1]));
  expect(tops.filter((name, index) => tops.indexOf(name) !== index)).toEqual([]);
  const order = [];
  const visit = (name, above) => {
    expect(above).not.toContain(name);
    if (order.includes(name)) return;
    for (const line of texts[name].match(/^import .*$/gm) ?? []) {
      const parts = /^import \{ [\w, ]+ \} from "\.\/(\w+\.js)";$/.exec(line);
      expect(parts, line).not.toBeNull();
      expect(line).not.toContain(" as ");
      visit(parts[1], [...above, name]);
    }
    order.push(name);
  };
  visit("main.js", []);
  expect(order.toSorted()).toEqual(names.toSorted());
  expect(Object.values(texts).join("")).not.toMatch(/^export default|^export \{/m);
});

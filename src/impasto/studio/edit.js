// `impasto edit`: a file of another program's waits to be painted in its place, in the look that is chosen here.

import { button, el, fill } from "./dom.js";
import { fieldsOf } from "./fields.js";
import { words } from "./words.js";

/** @typedef {import("./app.js").App} App */

const HERE_EVERY = 2000; // milliseconds

/**
 * Open the file's picture, and offer to paint the file.
 * @param {App} app
 * @param {import("./painter.js").Painter} painter
 * @param {Element} bar gets the buttons
 * @param {Element} page is left with a word once that is done
 */
export async function offerEdit(app, painter, bar, page) {
  const { edit } = app.engine;
  const waiting = app.limits.edit;
  if (!edit || !waiting) return;
  const { name, count } = waiting;
  const left = () => edit.left();
  window.addEventListener("pagehide", left);
  const over = (/** @type {string} */ text) => {
    clearInterval(here);
    window.removeEventListener("pagehide", left);
    fill(page, el("p", { class: "over", role: "status" }, text));
  };
  const paint = button(words.editPaint(name, count), () => void act(async () => {
    await edit.paint(fieldsOf(await painter.whole(app.look)));
    over(words.editPainting(name, count));
  }), { class: "primary" });
  const leave = button(words.editLeave, () => void act(async () => {
    await edit.leave();
    over(words.editLeft);
  }));
  const act = async (/** @type {() => Promise<void>} */ what) => {
    paint.disabled = leave.disabled = true;
    try {
      await app.withHeld(what);
    } catch (error) {
      app.fail(error);
      paint.disabled = leave.disabled = false;
    }
  };
  await app.bring([new File([await edit.picture()], name, { type: "image/png" })]);
  bar.append(leave, paint);
  bar.querySelector(".export")?.classList.remove("primary");
  const here = setInterval(() => edit.here(), HERE_EVERY); // another tab may have been closed
}

// Answers as a file: downloaded, shared, mailed.

import { csvOf } from "./csv.js";
import { button, download, el } from "./dom.js";

/** @typedef {import("./session.js").Session} Session */

/**
 * Buttons that hand the answers out as a file.
 * @param {Session} session
 * @param {() => void} done called when they are in a file
 * @param {import("./dom.js").Props} [props] of the first button
 */
export function fileButtons(session, done, props = {}) {
  const make = () => {
    const answers = session.forFile;
    return { answers, file: new File([csvOf(answers)], `answers-${session.round?.observer}.csv`, { type: "text/csv" }) };
  };
  const save = () => {
    const { answers, file } = make();
    download(file);
    session.secure(answers);
    done();
  };
  const share = async () => {
    const { answers, file } = make();
    try {
      await navigator.share({ files: [file], title: session.plan.title });
    } catch {
      return; // the observer thought better of it
    }
    session.secure(answers);
    done();
  };
  const shares = navigator.canShare?.({ files: [make().file] });
  return el("div", { class: "row" }, button("Download the answers", save, props), shares ? button("Share the answers", share) : null);
}

/**
 * Where the file is to go; null if the plan does not say.
 * @param {Session} session
 */
export function mailLine(session) {
  const { mail, title } = session.plan;
  if (!mail) return null;
  return el("p", {}, "Send the file to ", el("a", { href: `mailto:${mail}?subject=${encodeURIComponent(title)}` }, mail), ".");
}

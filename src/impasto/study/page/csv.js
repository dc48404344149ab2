// Answers as a table that others' programs read.

/** @typedef {import("./keeping.js").Answer} Answer */

const SELECTED = { a: 1, b: 0, none: 0.5 };

/** @param {string | number} value */
function cell(value) {
  return /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
}

/**
 * Comma-separated values, a line an answer.
 * @param {Answer[]} answers
 */
export function csvOf(answers) {
  const lines = answers.map((one) =>
    [one.observer, one.session, `${one.photo}__${one.painting}`, one.a, one.b, SELECTED[one.choice], one.question, one.trial, one.seconds].map(cell).join(","),
  );
  return ["observer,session,scene,condition_A,condition_B,is_A_selected,criterion,trial,seconds", ...lines, ""].join("\n");
}

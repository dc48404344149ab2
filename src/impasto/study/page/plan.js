// The plan of a study, as the page finds it in its document.

/**
 * @typedef {{name: string, text: string}} Question
 * @typedef {{photo: string, painting: string, a: string, b: string}} Trial IDs of pictures; a is on the left
 * @typedef {object} Plan
 * @property {string} study ID
 * @property {string} title
 * @property {string} welcome
 * @property {string} consent
 * @property {string} mail where a file of answers goes; may be empty
 * @property {Question[]} questions all of them are asked of each trial
 * @property {number} trials of a session
 * @property {boolean} served a server hands out the trials and takes the answers
 * @property {Record<string, {width: number, height: number, data?: string}>} pictures by ID
 * @property {Trial[][]} [orders] of the trials, where there is no server
 */

/**
 * The plan in a document; null where there is none.
 * @param {Document} page
 * @returns {Plan | null}
 */
export function planOf(page) {
  const plan = JSON.parse(page.getElementById("plan")?.textContent || "{}");
  return plan.study ? plan : null;
}

/**
 * The address of a picture.
 * @param {Plan} plan
 * @param {string} id
 */
export function addressOf(plan, id) {
  return plan.pictures[id]?.data ?? `pictures/${id}.webp`;
}

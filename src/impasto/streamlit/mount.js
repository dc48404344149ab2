/**
 * Puts the studio into a Streamlit page: a component of the second kind, whose code runs in the page itself.
 *
 * @typedef {object} Component what Streamlit hands over, at the beginning and at each later run of the script
 * @property {{server: string, height: number}} data
 * @property {HTMLElement} parentElement
 * @property {(name: string, value: unknown) => void} setStateValue
 *
 * @param {Component} component
 */
export default function mount({ data, parentElement, setStateValue }) {
  const { server, height } = data;
  let studio = parentElement.querySelector("impasto-studio");
  if (studio?.getAttribute("server") !== server) {
    studio?.remove();
    studio = document.createElement("impasto-studio");
    studio.setAttribute("server", server);
    parentElement.prepend(studio);
    load(server, parentElement);
  }
  /** @type {HTMLElement} */ (studio).style.cssText = `display: block; height: ${height}px`;
  /** @param {Event} event */
  const exported = (event) => setStateValue("exported", /** @type {CustomEvent} */ (event).detail);
  studio.addEventListener("impasto-export", exported);
  return () => studio.removeEventListener("impasto-export", exported);
}

/**
 * Load the module that defines the element; where it cannot be had, say so in its place.
 *
 * @param {string} server
 * @param {HTMLElement} parentElement
 */
async function load(server, parentElement) {
  if (customElements.get("impasto-studio")) return;
  try {
    await import(new URL(`${server}/studio.js`, location.href).href);
  } catch (error) {
    if (customElements.get("impasto-studio")) return; // another studio of this page was faster
    console.error(error);
    const text = document.createElement("p");
    text.setAttribute("role", "alert");
    const from = server || location.origin;
    text.textContent = `The studio cannot be loaded from ${from}. Is the server running, and does it let this page in?`;
    parentElement.replaceChildren(text);
  }
}

// The interactive figures of docs/concepts. Each <figure data-figure="NAME"> holds a still picture; figures/NAME.js
// replaces it when the reader comes near. Where a script fails, the picture stays.

const NAMES = new Set([
  "blend", "cycle", "davidson", "flow", "gram", "losses", "normalization", "projection", "statistics", "strength",
  "strokes",
]);

/**
 * @param {HTMLElement} figure
 */
async function start(figure) {
  const name = figure.dataset.figure ?? "";
  if (!NAMES.has(name)) return;
  try {
    const module = await import(`./figures/${name}.js`);
    await module.start(figure);
  } catch (error) {
    figure.querySelector(".figure-live")?.remove();
    figure.querySelector("img")?.removeAttribute("hidden");
    console.warn(`the figure ${name} stays a picture:`, error);
  }
}

const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      start(/** @type {HTMLElement} */ (entry.target));
    }
  },
  { rootMargin: "600px" },
);
for (const figure of document.querySelectorAll("figure[data-figure]")) near.observe(figure);

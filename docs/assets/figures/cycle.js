// Two networks as two pairings: a critic is content with any, the cycle loss is not.
import { button, chance, choice, colors, frame, onTheme, panel, says, tiles } from "./kit.js";

const COUNT = 5;

/** @param {HTMLElement} figure */
export async function start(figure) {
  const { tile, width, height } = await tiles(figure, COUNT, 2);
  const random = chance(3);
  const gap = 8;
  const room = 120;
  const { stage, controls } = frame(figure);
  const view = panel(COUNT * (width + gap) - gap, 2 * height + room, "Photos above, paintings below, and ways between", {
    kind: "full",
  });
  stage.append(view.box);
  let there = [2, 0, 3, 1, 4];
  let back = [3, 0, 1, 4, 2];
  const followed = choice("Follow photo", ["1", "2", "3", "4", "5"], () => show());
  const learn = button("Learn a step", () => {
    const lost = there.findIndex((painting, photo) => back[painting] !== photo);
    if (lost < 0) return;
    const wrong = back.indexOf(lost);
    back[wrong] = back[there[lost]];
    back[there[lost]] = lost;
    followed.select.selectedIndex = lost;
    show();
  });
  const shuffle = button("Shuffle", () => {
    there = shuffled(random);
    back = shuffled(random);
    show();
  });
  const right = button("Right pairing", () => {
    there = [0, 1, 2, 3, 4];
    back = [0, 1, 2, 3, 4];
    show();
  });
  const told = says();
  controls.append(followed.node, learn, shuffle, right, told);
  view.canvas.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    const area = view.canvas.getBoundingClientRect();
    const at = Math.floor(((event.clientX - area.left) / area.width) * COUNT);
    followed.select.selectedIndex = event.clientY - area.top < area.height / 2 ? at : there.indexOf(at);
    show();
  });

  function show() {
    const { context } = view;
    const { ground, accent, other, pale } = colors(figure);
    context.fillStyle = ground;
    context.fillRect(0, 0, view.canvas.width, view.canvas.height);
    const middle = (/** @type {number} */ i) => i * (width + gap) + width / 2;
    for (let i = 0; i < COUNT; i++) {
      context.putImageData(tile(i), i * (width + gap), 0);
      context.putImageData(tile(COUNT + i), i * (width + gap), height + room);
    }
    const chosen = followed.select.selectedIndex;
    for (let i = 0; i < COUNT; i++) {
      const bold = i === chosen;
      arrow(middle(i) - 8, height + 4, middle(there[i]) - 8, height + room - 4, bold ? accent : pale, bold ? 4 : 1);
    }
    for (let j = 0; j < COUNT; j++) {
      const bold = j === there[chosen];
      arrow(middle(j) + 8, height + room - 4, middle(back[j]) + 8, height + 4, bold ? other : pale, bold ? 4 : 1);
    }
    context.lineWidth = 5;
    mark(chosen, 0, accent);
    mark(back[there[chosen]], 0, other);
    mark(there[chosen], height + room, accent);
    const returned = there.filter((painting, photo) => back[painting] === photo).length;
    const own = there.filter((painting, photo) => painting === photo).length;
    learn.disabled = returned === COUNT;
    told.textContent =
      `The critic: ${COUNT} of ${COUNT} pictures are paintings. Cycle: ${returned} of ${COUNT} photos come back. ` +
      `Painted as themselves: ${own} of ${COUNT}.`;
  }

  /**
   * @param {number} x @param {number} y @param {number} toX @param {number} toY
   * @param {string} color @param {number} thick
   */
  function arrow(x, y, toX, toY, color, thick) {
    const { context } = view;
    const angle = Math.atan2(toY - y, toX - x);
    const head = 6 + 2 * thick;
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = thick;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(toX - head * Math.cos(angle), toY - head * Math.sin(angle));
    context.stroke();
    context.beginPath();
    context.moveTo(toX, toY);
    context.lineTo(toX - head * Math.cos(angle - 0.4), toY - head * Math.sin(angle - 0.4));
    context.lineTo(toX - head * Math.cos(angle + 0.4), toY - head * Math.sin(angle + 0.4));
    context.fill();
  }

  /** @param {number} i @param {number} top @param {string} color */
  function mark(i, top, color) {
    view.context.strokeStyle = color;
    view.context.strokeRect(i * (width + gap) + 2.5, top + 2.5, width - 5, height - 5);
  }
  onTheme(show);
  show();
}

/** @param {() => number} random */
function shuffled(random) {
  const found = [0, 1, 2, 3, 4];
  for (let i = COUNT - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [found[i], found[j]] = [found[j], found[i]];
  }
  return found;
}

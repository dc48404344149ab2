// The app: the studio with the engine in this browser, the live camera, installation, shared files, updates.

import { BASE_OF_ENGINE, wantsGraphics } from "./settings.js";
import { Impasto } from "../../packages/web/src/index.js";
import { faultOf } from "../../src/impasto/studio/engine.js";
import { button } from "../../src/impasto/studio/dom.js";
import type { Studio } from "../../src/impasto/studio/studio.js";
import "../../src/impasto/studio/studio.js";
import { faulty, local } from "./local.js";
import { Shell } from "./shell.js";
import { words } from "./words.js";

const what = document.querySelector("#what") as HTMLElement;
const share = document.querySelector("#share") as HTMLProgressElement;

function onLoad(loaded: number, total: number): void {
  share.value = total ? loaded / total : 0;
  what.textContent = loaded < total ? words.loading(loaded, total) : words.starting;
}

async function start(): Promise<void> {
  share.hidden = false;
  const shell = await Shell.start();
  const provider = wantsGraphics() ? "auto" : "wasm";
  const impasto = await faulty(Impasto.load({ base: BASE_OF_ENGINE, provider, onLoad }));
  const studio = document.createElement("impasto-studio") as Studio;
  studio.setAttribute("home", "./");
  studio.makeEngine = () => local(Promise.resolve(impasto), BASE_OF_ENGINE, __VERSION__);
  const live = button(words.live, () => void openLive(), { title: words.liveHelp });
  studio.tools = [live];
  document.querySelector("#loading")?.replaceWith(studio);
  await shell.bringTo(studio, impasto.facts.kept);

  async function openLive(): Promise<void> {
    const { Live } = await import("./live.js");
    const { app } = studio;
    if (!app) return;
    const one = new Live({
      engine: impasto,
      style: () => app.look.styles.map(({ style, weight }) => {
        const reference = app.reference(style);
        return [reference.startsWith("upload:") ? Number(reference.slice(7)) : reference, weight] as const;
      }),
      onStill: (file) => void app.bring([file]),
      onFault: (text) => app.say({ text, kind: "fault" }),
    });
    studio.page?.append(one.element); // it has the studio's colors
    app.stripRests = true;
    one.element.addEventListener("close", () => {
      app.stripRests = false;
      one.element.remove();
    });
    await one.open();
  }
}

function begin(): void {
  start().catch((error) => {
    share.hidden = true;
    what.textContent = faultOf(error)?.text ?? String(error);
    what.setAttribute("role", "alert");
    const again = button(words.again, () => {
      again.remove();
      begin();
    });
    what.after(again);
  });
}

begin();

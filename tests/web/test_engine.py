"""What the browser's engine paints, beside what the library paints."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from helpers import chromium
from hosts import PAGE, Host, Paint, coded, painter_in
from PIL import Image

import impasto
from impasto import Region
from impasto.cli.web import BUILT
from impasto.engines.light import Light
from impasto.pixels.arrays import floats
from impasto.styles import builtin

SAMPLES = Path(impasto.__file__).parent / "assets" / "samples"
GRAPHICS = [
    "--enable-unsafe-webgpu",
    "--enable-features=Vulkan",
    "--use-webgpu-adapter=swiftshader",
    "--ignore-gpu-blocklist",
]

TOO_LARGE = """(async () => {
  const one = await it.Impasto.load({ provider: "wasm", maxPixels: 1000 });
  try { await one.paint(new ImageData(40, 40), "udnie"); } finally { one.end(); }
})()"""


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    if not (BUILT / "engine" / "files.json").is_file():
        pytest.skip("make web has not built the edition for browsers")
    yield from _page(browser, "wasm")


def _page(browser: Any, provider: str) -> Iterator[Any]:
    server = Host(BUILT)
    server.pages["/test.html"] = PAGE
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    page.goto(f"{server.url}test.html")
    page.wait_for_function("window.it")
    if provider == "webgpu" and not page.evaluate("navigator.gpu?.requestAdapter().then((found) => !!found)"):
        pytest.skip("this Chromium has no WebGPU")
    page.evaluate("async (provider) => { window.impasto = await it.Impasto.load({ provider }); }", provider)
    assert page.evaluate("impasto.facts.provider") == provider
    yield page
    page.close()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def paint(page: Any) -> Paint:
    return painter_in(page)


def photo(width: int, height: int) -> Image.Image:
    return Image.open(SAMPLES / "colosseum.jpg").convert("RGB").resize((width, height))


def difference(found: Any, wanted: impasto.Picture) -> float:
    """Mean of 255."""
    pixels = np.asarray(wanted.to_pil().convert("RGBA"), np.float32)
    assert found.shape == pixels.shape
    return float(np.abs(found.astype(np.float32) - pixels).mean() * 4 / 3)  # alpha does not count


@pytest.mark.parametrize(
    ("size", "style", "controls"),
    [
        ((256, 192), "starry-night", {}),
        ((301, 199), "udnie", {"strength": 60}),
        ((256, 192), {"great-wave": 0.6, "the-scream": 0.4}, {"keep_color": "luminance", "tone": "match"}),
        ((256, 192), "great-wave", {"keep_color": "histogram"}),
        ((256, 192), "monet-collection", {"keep_color": "coral"}),
        ((1001, 563), "the-scream", {"brush_size": 2.0}),
        ((1500, 844), "wheat-field", {"detail": 20}),
        ((256, 192), "udnie", {"boldness": 80}),
    ],
)
def test_paints_as_the_library_does(paint: Paint, size: tuple[int, int], style: Any, controls: dict[str, Any]) -> None:
    picture = photo(*size)
    wanted = impasto.stylize(picture, style, engine="light", **controls)
    assert difference(paint(picture, style, **controls), wanted) <= 2


@pytest.mark.parametrize(
    ("size", "style", "controls"),
    [
        ((256, 192), "starry-night", {}),
        ((301, 199), {"great-wave": 0.6, "ukiyo-e-collection": 0.4}, {"strength": 80, "tone": "match"}),
        ((160, 120), "red-blue-yellow", {}),
        ((160, 120), {"red-blue-yellow": 0.5, "udnie": 0.5}, {}),
        ((200, 150), "the-kiss", {"keep_color": "coral"}),
        ((256, 192), "udnie", {"boldness": 80}),
        ((1300, 975), "monet-collection", {}),
    ],
)
def test_paints_as_the_painter_does(paint: Paint, size: tuple[int, int], style: Any, controls: dict[str, Any]) -> None:
    picture = photo(*size)
    wanted = impasto.stylize(picture, style, engine="painter", **controls)
    assert difference(paint(picture, style, engine="painter", **controls), wanted) <= 2


@pytest.mark.parametrize("engine", ["light", "painter"])
def test_paints_in_the_style_of_a_painting(paint: Paint, engine: str) -> None:
    picture, painting = photo(253, 141), Image.open(Path("examples/almond-blossom.jpg")).convert("RGB")
    wanted = impasto.stylize(picture, painting, engine=engine)
    assert difference(paint(picture, coded(painting), engine=engine), wanted) <= 2


def test_paints_parts_otherwise(paint: Paint) -> None:
    picture = photo(320, 180)
    mask = np.zeros((180, 320), np.uint8)
    mask[:, 160:] = 255
    regions = [
        {"mask": coded(mask), "style": "great-wave", "strength": 70, "brush_size": 2},
        {"mask": coded(np.ascontiguousarray(mask.T[:90].T)), "style": "none"},
    ]
    regions[1]["mask"] = coded(np.pad(np.full((60, 320), 255, np.uint8), ((0, 120), (0, 0))))
    wanted = impasto.stylize(
        picture,
        "starry-night",
        engine="light",
        regions=[
            Region(mask.astype(np.float32) / 255, "great-wave", 70, 2),
            Region(np.pad(np.ones((60, 320), np.float32), ((0, 120), (0, 0))), "none"),
        ],
    )
    assert difference(paint(picture, "starry-night", regions), wanted) <= 2


def test_transparency_stays_and_what_is_clear_does_not_count(paint: Paint) -> None:
    pixels = np.asarray(photo(200, 120).convert("RGBA")).copy()
    pixels[:, :80] = (255, 0, 0, 0)
    found = paint(pixels, "starry-night")
    assert (found[..., 3] == pixels[..., 3]).all()
    wanted = np.asarray(impasto.stylize(Image.fromarray(pixels), "starry-night", engine="light").to_pil())
    seen = np.abs(found[:, 90:, :3].astype(int) - wanted[:, 90:, :3].astype(int))
    assert seen.mean() <= 2


def test_tiles_are_those_of_the_library(page: Any, paint: Paint) -> None:
    picture = photo(640, 480)
    page.evaluate(
        "async () => { window.whole = impasto;"
        " window.impasto = await it.Impasto.load({ provider: 'wasm', budget: 25_000_000 }); }"
    )
    try:
        tiled = paint(picture, "udnie")
    finally:
        page.evaluate("() => { impasto.end(); window.impasto = whole; }")
    pixels = floats(np.asarray(picture))
    wanted = Light(budget=25_000_000).paint(pixels, builtin.vector("udnie", "light"))
    at_once = Light(budget=1_000_000_000).paint(pixels, builtin.vector("udnie", "light"))
    assert np.abs(at_once - wanted).mean() * 255 > 4  # a small budget's sample is another one
    assert np.abs(tiled[..., :3] - 255 * wanted).mean() <= 2


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("impasto.paint(new ImageData(40, 40), 'starry-nite')", "unknown-style"),
        ("impasto.paint(new ImageData(40, 40), 'udnie', { strength: 101 })", "bad-control"),
        ("impasto.paint(new ImageData(40, 40), 'udnie', { tone: 'loud' })", "bad-control"),
        ("impasto.paint(new ImageData(40, 40), 'udnie', { brushsize: 1 })", "bad-control"),
        ("impasto.paint(new ImageData(40, 40), { udnie: 0 })", "bad-control"),
        ("impasto.paint(new ImageData(40, 40), 'udnie', {}, { engine: 'adain' })", "bad-control"),
        ("impasto.paint(new Blob(['no picture']), 'udnie')", "not-a-picture"),
        ("it.Impasto.load({ base: location.origin + '/nowhere/' })", ""),
        (TOO_LARGE, "too-large"),
    ],
)
def test_says_what_is_wrong(page: Any, call: str, code: str) -> None:
    told = page.evaluate(f"{call}.then(() => null, (error) => [error.code ?? '', error.message])")
    assert told is not None
    assert told[0] == code
    assert len(told[1]) > 10


def test_goes_on_after_being_stopped(page: Any, paint: Paint) -> None:
    stopped = page.evaluate(
        """async () => {
          const stop = new AbortController();
          const onProgress = (share) => share > 0.5 && stop.abort();
          const painting = impasto.paint(new ImageData(3000, 2000), "udnie", {}, { signal: stop.signal, onProgress });
          return painting.then(() => "painted", (error) => error.name);
        }"""
    )
    assert stopped == "AbortError"
    assert paint(photo(64, 48), "udnie").shape == (48, 64, 4)


def test_pictures_that_were_let_go_are_decoded_again(page: Any) -> None:
    same = """async ([one, other]) => {
      const file = async (text) => (await fetch("data:image/png;base64," + text)).blob();
      const small = await it.Impasto.load({ provider: "wasm", maxPixels: 5000 });
      const held = [await small.open(await file(one)), await small.open(await file(other))];
      const found = [];
      const request = { styles: [["udnie", 1]] };
      for (const one of [...held, ...held]) found.push((await small.painted(one, request, { side: 32 })).data.join());
      small.end();
      return found;
    }"""
    one, other, again, and_again = page.evaluate(same, [coded(photo(64, 64)), coded(photo(60, 70))])
    assert (one, other) == (again, and_again)
    assert one != other


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (33, 32)])
def test_paints_the_smallest_pictures(paint: Paint, size: tuple[int, int]) -> None:
    picture = photo(*size)
    assert (
        difference(paint(picture, "udnie"), impasto.stylize(picture, "udnie", engine="light")) <= 4
    )  # a pixel or a few


def end_graphics() -> None:
    """End the process that stands for the graphics processor."""
    ended = 0
    for process in psutil.Process().children(recursive=True):
        ours = any(GRAPHICS[2] in one.cmdline() for one in process.parents())
        if ours and "--type=gpu-process" in process.cmdline():
            process.kill()
            ended += 1
    assert ended


def test_paints_on_a_graphics_processor(browser: Any) -> None:
    arguments = ["--no-sandbox", *GRAPHICS]
    graphics = browser.browser_type.launch(executable_path=chromium(), args=arguments)
    try:
        for page in _page(graphics, "webgpu"):
            picture = photo(64, 36)
            wanted = impasto.stylize(picture, "starry-night", engine="light")
            assert difference(painter_in(page)(picture, "starry-night"), wanted) <= 4
            end_graphics()
            wanted = impasto.stylize(picture, "the-scream", engine="light")
            assert difference(painter_in(page)(picture, "the-scream"), wanted) <= 2  # the processor goes on
    finally:
        graphics.close()

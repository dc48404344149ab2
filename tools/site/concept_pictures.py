#!/usr/bin/env python3
"""Make the pictures of docs/concepts: docs/images/concepts/*.webp, at most 80 kB each.

    python tools/site/concept_pictures.py            # all of them; takes a minute on two cores
    python tools/site/concept_pictures.py blend      # one of them

Each figure shows such a picture until its script runs, and on code hosts, where no script runs. Most are tiles of one
size in a grid: the scripts in docs/assets/figures/ cut these tiles out and compute with them. Pictures of figures that
are drawn (`DRAWN`) are screenshots of the figures themselves, taken with Chromium. Those scripts read NAME-source.webp.
"""

from __future__ import annotations

import functools
import http.server
import io
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

import impasto
from impasto.painting import octaves
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels, reduced
from impasto.pixels.color import luminance

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "src" / "impasto" / "assets"
THUMBNAILS = ASSETS / "gallery" / "thumbnails"
PHOTO = ASSETS / "samples" / "colosseum.jpg"
BLOSSOM = ROOT / "examples" / "almond-blossom.jpg"
OUTPUT = ROOT / "docs" / "images" / "concepts"
GAP = 8  # pixels between tiles
LIMIT = 80_000  # bytes of a file
STYLES = ("starry-night", "great-wave", "composition-vii")
DRAWN = ("gram", "losses", "flow", "projection", "davidson")
PAIRS = ("hiker-in-the-mountains", "red-house", "lake-with-jetties", "cat", "vineyard-in-front-of-hills")
STEPS = 4  # of a blend, from one style to another


def tile(source: Path | Picture | Pixels, width: int, height: int) -> Pixels:
    """Crop the middle of a picture and resize it: height x width x 3."""
    pixels = source if isinstance(source, np.ndarray) else as_picture(source).pixels
    scale = max(width / pixels.shape[1], height / pixels.shape[0])
    size = max(width, round(pixels.shape[1] * scale)), max(height, round(pixels.shape[0] * scale))
    whole = reduced(pixels, *size) if scale < 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return whole[top : top + height, left : left + width].clip(0, 1)


def as_picture(source: Path | Picture) -> Picture:
    return source if isinstance(source, Picture) else Picture.open(source)


@functools.cache
def painted(style: str, **controls: object) -> Picture:
    """Paint the sample photograph."""
    return impasto.stylize(PHOTO, style, size=640, **controls)  # type: ignore[arg-type]


def save(name: str, tiles: list[Pixels], columns: int, *, exact: bool = False) -> None:
    """Write tiles of one size in a grid.

    Args:
        exact: lossless, for tiles with which the figures compute.
    """
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    sheet = np.ones((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), np.float32)
    for index, one in enumerate(tiles):
        y, x = index // columns * (height + GAP), index % columns * (width + GAP)
        sheet[y : y + height, x : x + width] = one
    write(name, Image.fromarray(np.rint(sheet * 255).astype(np.uint8)), exact=exact)


def write(name: str, image: Image.Image, *, exact: bool = False) -> None:
    """Write a WebP file, as good as the limit allows."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for quality in [100] if exact else range(88, 40, -4):
        out = io.BytesIO()
        image.save(out, "WEBP", quality=quality, method=6, lossless=exact)
        if out.tell() <= LIMIT:
            break
    else:
        raise SystemExit(f"{name} takes {out.tell()} bytes")
    (OUTPUT / f"{name}.webp").write_bytes(out.getvalue())
    print(f"{name}.webp  {image.width} x {image.height}  {out.tell()} bytes")


def statistics() -> None:
    """Show the photo, three paintings, and the photo with the mean and deviation of the second painting."""
    photo, *paintings = (tile(path, 240, 160) for path in (PHOTO, *(THUMBNAILS / f"{one}.jpg" for one in STYLES)))
    wave = paintings[1]
    moved = (photo - photo.mean((0, 1))) / photo.std((0, 1)) * wave.std((0, 1)) + wave.mean((0, 1))
    save("statistics", [photo, *paintings, moved.clip(0, 1).astype(np.float32)], 5)


def normalization() -> None:
    """Show the photo's luminance in three contrasts, and normalized to one deviation and mean."""
    gray = luminance(tile(PHOTO, 256, 144))
    shown = [(gray - 0.5) * contrast + level for contrast, level in ((0.35, 0.25), (1.0, 0.5), (0.5, 0.75))]
    shown.append((gray - gray.mean()) / gray.std() * 0.2 + 0.45)
    save("normalization", [np.repeat(one.clip(0, 1)[..., None], 3, 2).astype(np.float32) for one in shown], 4)


def strength() -> None:
    """Show the photo, the painter's picture, and their mixture at strength 60."""
    photo, whole = tile(PHOTO, 400, 225), tile(painted("night-cafe"), 400, 225)
    save("strength", [photo, whole, photo + np.float32(0.6) * (whole - photo)], 3)


def blend() -> None:
    """Show fifteen blends of three styles, row by row from the first style's corner."""
    names = ("starry-night", "great-wave", "the-scream")
    found = []
    for rest in range(STEPS + 1):
        for third in range(rest + 1):
            weights = (STEPS - rest, rest - third, third)
            style = {name: weight / STEPS for name, weight in zip(names, weights, strict=True) if weight}
            found.append(tile(impasto.stylize(PHOTO, style, size=640), 200, 112))
    save("blend", found, 5)


def strokes() -> None:
    """Save a painted detail and the photo's luminance there, and the steps of one octave."""
    photo = Picture.open(PHOTO).pixels[20:484, :]
    photo = photo[: photo.shape[0] // 2 * 2, : photo.shape[1] // 2 * 2]
    small = impasto.stylize(photo, "starry-night", size=photo.shape[1] // 2).pixels
    rows, columns = slice(96, 168), slice(150, 246)
    detail, gray = small[rows, columns], luminance(photo)[192:336, 300:492]
    source = np.zeros((144, 192 + 96 + GAP, 3), np.float32)
    source[:, :192], source[:72, 192 + GAP :] = gray[..., None], detail
    write("strokes-source", Image.fromarray(np.rint(source * 255).astype(np.uint8)), exact=True)
    enlarged = cv2.resize(detail, (192, 144), interpolation=cv2.INTER_CUBIC)
    half = cv2.resize(gray, (96, 72), interpolation=cv2.INTER_AREA)
    below = cv2.resize(half, (192, 144), interpolation=cv2.INTER_CUBIC)
    detailed = enlarged + np.float32(0.6) * (gray - below)[..., None]
    made = octaves.strokes(detailed, 2)
    missing = detail - cv2.resize(made, (96, 72), interpolation=cv2.INTER_AREA)
    missing *= octaves._told(detail)[:, :, None]
    back = made + cv2.resize(missing, (192, 144), interpolation=cv2.INTER_CUBIC)
    plain = cv2.resize(detail, (192, 144), interpolation=cv2.INTER_NEAREST)
    steps = [plain, enlarged, detailed, made, back]
    save("strokes", [cv2.resize(one.clip(0, 1), (288, 216), interpolation=cv2.INTER_NEAREST) for one in steps], 5)


def gram_source() -> None:
    """Save two paintings side by side."""
    save("gram-source", [tile(BLOSSOM, 400, 300), tile(THUMBNAILS / "great-wave.jpg", 400, 300)], 2)


def flow_source() -> None:
    """Save the textures of the ground and of the disc."""
    save("flow-source", [tile(BLOSSOM, 240, 160), tile(THUMBNAILS / "starry-night.jpg", 240, 160)], 2)


def cycle() -> None:
    """Show five photographs, and their paintings in the style of a collection."""
    with zipfile.ZipFile(ASSETS / "photos" / "photos.zip") as archive:
        photos = [Picture.open(archive.read(f"{name}.webp")) for name in PAIRS]
    paintings = [impasto.stylize(photo, "monet-collection") for photo in photos]
    save("cycle", [tile(one, 144, 108) for one in (*photos, *paintings)], 5)


def drawn(names: list[str]) -> None:
    """Take pictures of the figures that are drawn."""
    from playwright.sync_api import sync_playwright

    handler = functools.partial(_Quiet, directory=str(ROOT / "docs"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as play:
        chromium = Path("/usr/bin/chromium")
        browser = play.chromium.launch(
            executable_path=str(chromium) if chromium.exists() else None, args=["--no-sandbox"]
        )
        page = browser.new_page(
            viewport={"width": 860, "height": 900}, device_scale_factor=1.5, reduced_motion="reduce"
        )
        for name in names:
            page.goto(f"http://127.0.0.1:{server.server_port}/concepts/index.md")
            page.set_content(_PAGE.format(name=name, port=server.server_port))
            page.wait_for_selector(".figure-live", timeout=20_000)
            page.wait_for_timeout(500)
            shot = page.locator(".figure-stage").screenshot()
            write(name, Image.open(io.BytesIO(shot)).convert("RGB"))
        browser.close()
    server.shutdown()


_PAGE = """<!doctype html><base href="http://127.0.0.1:{port}/concepts/">
<link rel="stylesheet" href="../assets/figures.css">
<style>
:root {{
  --md-default-fg-color: #000000de; --md-default-fg-color--light: #0000008a; --md-default-fg-color--lightest: #00000012;
  --md-default-bg-color: #fff; --md-primary-fg-color: #8f3418; --md-accent-fg-color: #b8431f;
}}
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 20px; width: 800px; background: #fff; }}
</style>
<div class="md-typeset"><figure class="figure" data-figure="{name}"><img alt="" width="8" height="3"></figure></div>
<script type="module" src="../assets/figures.js"></script>
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


MAKERS: dict[str, Callable[[], None]] = {
    "statistics": statistics,
    "normalization": normalization,
    "strength": strength,
    "blend": blend,
    "strokes": strokes,
    "cycle": cycle,
    "gram-source": gram_source,
    "flow-source": flow_source,
}


def main() -> None:
    wanted = sys.argv[1:] or [*MAKERS, *DRAWN]
    unknown = [name for name in wanted if name not in MAKERS and name not in DRAWN]
    if unknown:
        raise SystemExit(f"unknown picture {unknown[0]}; one of {', '.join([*MAKERS, *DRAWN])}")
    for name in wanted:
        if name in MAKERS:
            MAKERS[name]()
    if figures := [name for name in wanted if name in DRAWN]:
        drawn(figures)


if __name__ == "__main__":
    main()

"""A contact sheet: one photo in many styles, labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.picture.limits import check_size
from impasto.pixels.arrays import fit
from impasto.progress import OnProgress, Progress
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import StyleRequest

LABEL_HEIGHT, GAP = 22, 8
PAPER, INK = (250, 248, 244), (40, 38, 36)


def contact_sheet(
    photo: Picture,
    styles: Sequence[StyleRequest] | None = None,
    *,
    controls: Controls | None = None,
    gallery: Gallery | None = None,
    columns: int | None = None,
    tile: int = 320,
    file_format: str | None = None,
    on_progress: OnProgress | None = None,
) -> Picture:
    """The photo and its painted versions in a grid, each with its style's name under it.

    Args:
        photo: any size; tiles are painted as the photo would be, and reduced.
        styles: as for `stylize`; all of the gallery if not given.
        columns: tiles in a row; about as wide as high if not given.
        tile: the longer side of a tile in pixels, 32..2048.
        file_format: Pillow's name of the format that the sheet will have: one that cannot hold it is refused at once.
        on_progress: called after each tile; if it returns False, the places of the others stay empty.
    Raises:
        UsageError: no such style, or a size out of range.
        PictureError: the sheet is too large for its format.
    """
    if not 32 <= tile <= 2048:
        raise UsageError(f"tiles of {tile} pixels", "32 to 2048", code="out-of-range")
    gallery = gallery or Gallery()
    requests: Sequence[StyleRequest] = gallery.names() if styles is None else styles
    stylizers = [Stylizer(request, controls=controls, gallery=gallery) for request in requests]
    total = len(stylizers) + 1
    width, height = fit(photo.width, photo.height, tile)
    if columns is None:
        columns = max(1, round((total * (height + LABEL_HEIGHT) / width) ** 0.5))
    if columns < 1:
        raise UsageError(f"{columns} columns", "1 or more", code="out-of-range")
    columns = min(columns, total)
    rows = -(-total // columns)
    cell_width, cell_height = width + GAP, height + LABEL_HEIGHT + GAP
    size = columns * cell_width + GAP, rows * cell_height + GAP
    if file_format is not None:
        check_size(file_format, *size, "the sheet", "a smaller --tile, or .png")
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=14)

    side = max(2 * tile, *(controls or Controls()).painted_size(photo.width, photo.height))
    source = replace(photo, frames=(), cover=None).at_most(side)
    for index in range(total):
        painted = source if index == 0 else stylizers[index - 1](source)
        label = "photo" if index == 0 else stylizers[index - 1].style.label
        x, y = GAP + index % columns * cell_width, GAP + index // columns * cell_height
        image = painted.resized(width, height).to_pil()
        sheet.paste(image, (x, y), image if image.mode == "RGBA" else None)
        draw.text((x, y + height + 3), _shorten(label, font, width), fill=INK, font=font)
        now = Progress(index + 1, total, (index + 1) / total, label)
        if on_progress is not None and on_progress(now) is False:
            break
    return replace(Picture.from_array(np.asarray(sheet)), made_with=_made_with(stylizers))


def _made_with(stylizers: Sequence[Stylizer]) -> dict[str, object]:
    """What is written into the sheet's metadata: as for one painting, with all styles."""
    if not stylizers:
        return {}
    engines = dict.fromkeys(stylizer.engine for stylizer in stylizers)
    labels = [stylizer.style.label for stylizer in stylizers]
    return stylizers[0].made_with() | {"engine": " + ".join(engines), "style": ", ".join(labels)}


def _shorten(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."

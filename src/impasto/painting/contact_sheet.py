"""Make a contact sheet: one photo in many styles, with labels."""

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

GAP = 8
SMALLEST_FONT = 12  # pixels
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
    """Paint a photo in many styles; return a grid of the photo and its paintings, with the style's name under each.

    Args:
        photo: of any size. Tiles are painted like the whole photo, then reduced.
        styles: as for `stylize`; None: all styles of the gallery.
        columns: tiles in a row; None: about as many as rows.
        tile: the longer side of a tile in pixels, 32..2048.
        file_format: Pillow's name of the sheet's format. A format that cannot store the sheet is refused at once.
        on_progress: called after each tile. If it returns False, the remaining tiles stay empty.
    Raises:
        UsageError: there is no such style, or a size is out of range.
        PictureError: the sheet is too large for its format.
    """
    if not 32 <= tile <= 2048:
        raise UsageError(f"tile size of {tile} pixels is not in 32..2048", "--tile 320", code="out-of-range")
    gallery = gallery or Gallery()
    requests: Sequence[StyleRequest] = gallery.names() if styles is None else styles
    stylizers = [Stylizer(request, controls=controls, gallery=gallery) for request in requests]
    total = len(stylizers) + 1
    width, height = fit(photo.width, photo.height, tile)
    font_size = max(SMALLEST_FONT, tile // 12)
    font, label_height = ImageFont.load_default(size=font_size), font_size * 3 // 2
    if columns is None:
        columns = max(1, round((total * (height + label_height) / width) ** 0.5))
    if columns < 1:
        raise UsageError(f"a sheet cannot have {columns} columns", "--columns 1 or more", code="out-of-range")
    columns = min(columns, total)
    rows = -(-total // columns)
    cell_width, cell_height = width + GAP, height + label_height + GAP
    size = columns * cell_width + GAP, rows * cell_height + GAP
    if file_format is not None:
        check_size(file_format, *size, "the sheet", "a smaller --tile, or .png")
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)

    side = max(2 * tile, *(controls or Controls()).painted_size(photo.width, photo.height))
    source = replace(photo, frames=(), cover=None).at_most(side)
    for index in range(total):
        painted = source if index == 0 else stylizers[index - 1](source)
        label = "photo" if index == 0 else stylizers[index - 1].style.label
        x, y = GAP + index % columns * cell_width, GAP + index // columns * cell_height
        image = painted.resized(width, height).to_pil()
        sheet.paste(image, (x, y), image if image.mode == "RGBA" else None)
        draw.text((x + 1, y + height + label_height // 2), _shorten(label, font, width), INK, font, anchor="lm")
        now = Progress(index + 1, total, (index + 1) / total, label)
        if on_progress is not None and on_progress(now) is False:
            break
    return replace(Picture.from_array(np.asarray(sheet)), made_with=_made_with(stylizers))


def _made_with(stylizers: Sequence[Stylizer]) -> dict[str, object]:
    """Return the sheet's metadata: like that of one painting, but with all styles."""
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

"""Paint the textures of a 3-D model: the public function."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, EngineName, engine_of
from impasto.errors import UsageError
from impasto.painting.regions import Regions, as_regions
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.arrays import Samples, filled, floats, stored
from impasto.progress import OnProgress, Progress, Stopped
from impasto.settings import make
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import StyleRequest
from impasto.system.files import already_there, check_folder
from impasto.textures.masks import check_regions
from impasto.textures.model import Model, Surface, Texture
from impasto.textures.open import open_model
from impasto.textures.optimizing import Optimizer
from impasto.textures.skin import Skin, Tell
from impasto.textures.turntable import check_preview
from impasto.textures.writing import check_apart, encoded

if TYPE_CHECKING:
    from impasto.optimization.recipe import Recipe

_ORIENTATION = 0x0112  # EXIF tag
_LEVEL = 1 / 255  # smallest visible color step


@dataclass(frozen=True, eq=False)
class PaintedModel:
    """The result of `impasto.paint_textures`.

    Attributes:
        files: the written files, the model first.
        pictures: the model's textures, painted.
        names: of the textures.
        notes: which parts are not painted, and why; and remarks on the texture coordinates.
        source_step, step: 0..1, mean color difference across the seams, before and after painting.
        surfaces: the triangles that show the textures.
    """

    files: list[Path]
    pictures: list[Picture]
    names: list[str]
    notes: list[str]
    source_step: float
    step: float
    surfaces: Sequence[Surface]

    @property
    def seam_score(self) -> float:
        """The ratio of the steps at the seams after and before painting. Steps below 1/255 count as 1/255."""
        return max(self.step, _LEVEL) / max(self.source_step, _LEVEL)

    def turntable(self, size: int = 400, frames: int = 36, on_progress: OnProgress | None = None) -> Picture:
        """Return an animation in which the model turns once.

        Args:
            size: width and height in pixels.
            frames: of the whole turn.
        Raises:
            MissingExtra: embreex, which draws it, is not installed.
        """
        from impasto.textures.turntable import turntable

        return turntable(self.surfaces, self.pictures, size=size, frames=frames, on_progress=on_progress)


def paint_textures(
    model: Path | str,
    style: StyleRequest,
    output: Path | str,
    *,
    regions: Regions | None = None,
    engine: EngineName = DEFAULT,
    recipe: str | Recipe | None = None,
    device: str = "auto",
    emissive: bool = False,
    gallery: Gallery | None = None,
    memory: int | None = None,
    max_pixels: int = MAX_PIXELS,
    overwrite: bool = False,
    preview: Path | str | None = None,
    on_progress: OnProgress | None = None,
    **controls: Any,
) -> PaintedModel:
    """Paint the textures of a 3-D model without seams. Strokes have one size on the whole object.

    Only base color textures are painted. Everything else in the file stays, byte for byte.

    Args:
        model: a .glb, .gltf or .obj file.
        style: as for `impasto.stylize`.
        output: a file with the same ending.
        regions: {part of the model: style}. Parts are "material:NAME"; "part:NAME", a mesh, node or object;
            "group:NAME", a vertex group or joint; or a mask with the layout of the textures. Later regions lie over
            earlier ones.
        engine: as for `impasto.stylize`.
        recipe: paint with the optimizer: a name from `RECIPES` or a `Recipe`; None: paint with the engine.
        device: for the optimizer: "auto", "cpu", "cuda" or "mps".
        emissive: paint emissive textures as well.
        memory: limit of the memory for painting, in bytes.
        max_pixels: refuse textures with more pixels.
        overwrite: replace existing files.
        preview: write an animation of the turning model to this file: .gif, .webp, .png; other formats get a still.
        on_progress: called after every step. Returning False stops, and nothing is written.
        controls: the fields of `impasto.Controls`, except size. The brush size is relative to the object.
    Raises:
        UsageError: a style, control or part of the model is unknown, or the output is the model's own file.
        PictureError: a file is missing, damaged, or exists already.
        MissingExtra: xatlas (for models without texture coordinates), embreex (for the preview) or PyTorch (for the
            optimizer) is not installed.
        Stopped: `on_progress` returned False.

    >>> impasto.paint_textures("model.glb", "starry-night", "painted.glb", engine="light").files
    [PosixPath('painted.glb')]
    """
    values = make(Controls, controls, "control")
    if values.size is not None:
        raise UsageError("textures keep their size", "leave out size", code="conflict")
    given, target = as_regions(regions), Path(output)
    optimizer = None if recipe is None else Optimizer.of(recipe, device)
    if target.is_dir():
        raise UsageError(f"{target} is a folder", f"-o {target / Path(model).name}", code="not-a-file")
    tell = _teller(on_progress)
    opened = open_model(Path(model), emissive=emissive, max_pixels=max_pixels)
    check_regions(given, opened.surfaces)
    stylizer = Stylizer(
        style, controls=values, gallery=gallery, painter=engine_of(engine, memory), max_pixels=max_pixels
    )
    label = _label(stylizer.label)
    files = opened.files(target, label)
    if preview is not None:
        check_apart([Path(preview)], [*opened.sources, *files])
        if Path(preview).absolute() in [path.absolute() for path in files]:
            raise UsageError(
                f"{preview} belongs to the painted model", "give the preview another name", code="same-file"
            )
        check_preview(Path(preview))
        files.append(Path(preview))
    present = [path for path in files if path.exists()]
    if present and not overwrite:
        raise already_there(present[0])
    for folder in {path.parent for path in files}:
        check_folder(folder, str(target))
    pictures = [_opened(one, max_pixels) for one in opened.textures]
    textures = _alike(pictures)
    tell(0.05, "reading")
    painted, notes = list(textures), list(opened.notes)
    length = before = after = 0.0
    roles = sorted({one.role for one in opened.textures}) if values.strength else []
    for number, role in enumerate(roles):
        surfaces = [one for one in opened.surfaces if opened.textures[one.texture].role == role]
        skin = Skin(surfaces, painted)
        notes += _notes(skin, opened)
        painted = skin.paint(stylizer, given, optimizer, _part(tell, number, len(roles)))
        long, step = skin.steps(textures)
        length, before, after = length + long, before + long * step, after + long * skin.steps(painted)[1]
    results = [
        replace(one, samples=samples, frames=(), cover=None, made_with=stylizer.made_with())
        for one, samples in zip(pictures, painted, strict=True)
    ]
    files_of = {}
    for index, (one, texture) in enumerate(zip(results, opened.textures, strict=True)):
        tell(0.95, "writing")
        if values.strength:
            files_of[index] = encoded(one, texture.suffix)
    names = [texture.name for texture in opened.textures]
    mean = (before / length, after / length) if length else (0.0, 0.0)
    found = PaintedModel(files, results, names, notes, *mean, opened.surfaces)
    turning = None if preview is None else found.turntable(on_progress=on_progress)
    written = opened.save(target, files_of, label, overwrite=overwrite)
    if preview is not None and turning is not None:
        turning.save(preview, overwrite=overwrite)
    return replace(found, files=written)


def _opened(texture: Texture, max_pixels: int) -> Picture:
    """Decode a texture without applying its EXIF orientation, as programs for models do."""
    picture = Picture.open(_Named(texture.data, texture.name), max_pixels=max_pixels)
    with Image.open(io.BytesIO(texture.data)) as image:
        if image.getexif().get(_ORIENTATION, 1) == 1:
            return picture
        return Picture.from_array(np.asarray(image.convert("RGB" if picture.alpha is None else "RGBA")))


def _alike(pictures: Sequence[Picture]) -> list[Samples]:
    """Convert the colors of all textures to one type of samples: 16 bits if any texture has them."""
    found = [filled(one.samples, one.alpha) for one in pictures]
    if all(one.dtype == np.uint8 for one in found):
        return found
    return [one if one.dtype == np.uint16 else stored(floats(one), np.uint16) for one in found]


def _teller(on_progress: OnProgress | None) -> Tell:
    def tell(fraction: float, message: str) -> None:
        if on_progress is not None and on_progress(Progress(round(100 * fraction), 100, fraction, message)) is False:
            raise Stopped

    return tell


def _part(tell: Tell, number: int, count: int) -> Tell:
    """Report the work on one role as a part of the whole."""
    return lambda fraction, message: tell(0.05 + 0.9 * (number + fraction) / count, message)


def _notes(skin: Skin, model: Model) -> list[str]:
    found = []
    if skin.overlapping:
        found.append(f"{skin.overlapping} islands overlap others in the texture and share their paint")
    names = [model.textures[texture].name for texture in skin.palettes]
    return found + [f"{name} is a palette: its colors are painted, without strokes" for name in names]


def _label(style: str) -> str:
    """Return the style's name as a part of file names."""
    return re.sub(r"[^\w.-]+", "-", style).strip("-.")[:60] or "painted"


class _Named(io.BytesIO):
    """Bytes with a name for messages."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name

"""Paint the textures of a 3-D model: the public face of this room."""

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

_ORIENTATION = 0x0112  # in EXIF
_LEVEL = 1 / 255  # a step of colors below which nobody sees any


@dataclass(frozen=True, eq=False)
class PaintedModel:
    """What came out.

    Attributes:
        files: what was written, the model's own file first.
        pictures: the model's textures, painted.
        names: theirs.
        notes: what stays as it was, and why; and what was seen of the texture coordinates.
        source_step, step: the mean difference of the colors on both sides of the seams, before and after; 0..1.
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
        """How many times as large the step at the seams is as before; steps below one level of 255 count as one."""
        return max(self.step, _LEVEL) / max(self.source_step, _LEVEL)

    def turntable(self, size: int = 400, frames: int = 36, on_progress: OnProgress | None = None) -> Picture:
        """An animation of the model, which turns once.

        Args:
            size: pixels of its sides.
            frames: of the whole turn.
        Raises:
            MissingExtra: what draws it is not installed.
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
    """Paint the textures of a 3-D model, without seams and with strokes of one size on the whole object.

    Only pictures of base color are painted; all else in the file stays as it is, byte for byte.

    Args:
        model: a .glb, .gltf or .obj file.
        style: as for `impasto.stylize`.
        output: a file with the same ending.
        regions: {part of the model: style}: "material:NAME"; "part:NAME", a mesh, node or object; "group:NAME", a group
            of vertices or a joint; or a mask that has the textures' layout. Later ones lie over earlier ones.
        engine: as for `impasto.stylize`.
        recipe: paint by the optimizer, with a name from `RECIPES` or a `Recipe`; None, by the engine.
        device: for the optimizer: "auto", "cpu", "cuda" or "mps".
        emissive: paint what glows, too.
        memory: bytes that painting may take at most.
        max_pixels: refuse larger textures.
        overwrite: replace files that are there.
        preview: draw the painted model turning once, into this file: .gif, .webp, .png, or a still in another format.
        on_progress: called after every step; returning False stops, and nothing is written.
        controls: the fields of `impasto.Controls` without size; the brush's size is a share of the object.
    Raises:
        UsageError: an unknown style, control or part of the model; or the model's own file as output.
        PictureError: a file that is missing, damaged or there already.
        MissingExtra: the model has no texture coordinates, and what makes them is not installed; or what draws the
            preview, or the optimizer's PyTorch.
        Stopped: `on_progress` has returned False.

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
    """A texture's pixels as they lie in its file: models know no orientation."""
    picture = Picture.open(_Named(texture.data, texture.name), max_pixels=max_pixels)
    with Image.open(io.BytesIO(texture.data)) as image:
        if image.getexif().get(_ORIENTATION, 1) == 1:
            return picture
        return Picture.from_array(np.asarray(image.convert("RGB" if picture.alpha is None else "RGBA")))


def _alike(pictures: Sequence[Picture]) -> list[Samples]:
    """The colors of all textures in one kind of samples: 16 bits if one has as many."""
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
    """Tells of one role's work as a part of all."""
    return lambda fraction, message: tell(0.05 + 0.9 * (number + fraction) / count, message)


def _notes(skin: Skin, model: Model) -> list[str]:
    found = []
    if skin.overlapping:
        found.append(f"{skin.overlapping} islands lie over others in the texture and share their paint")
    names = [model.textures[texture].name for texture in skin.palettes]
    return found + [f"{name} is a palette: its colors are painted, it has no room for strokes" for name in names]


def _label(style: str) -> str:
    """The style's name as a part of names of files."""
    return re.sub(r"[^\w.-]+", "-", style).strip("-.")[:60] or "painted"


class _Named(io.BytesIO):
    """Bytes with a name for messages."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name

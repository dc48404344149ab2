"""Open a file of a 3-D model, whatever its kind."""

from __future__ import annotations

from pathlib import Path

from impasto.errors import PictureError, UsageError
from impasto.picture.reading import MAX_PIXELS
from impasto.textures.model import Model

ENDINGS = (".glb", ".gltf", ".obj")


def open_model(path: Path, *, emissive: bool = False, max_pixels: int = MAX_PIXELS) -> Model:
    """Read a model and the textures that may be painted.

    Args:
        emissive: those that glow, too.
        max_pixels: refuse larger textures, where they are decoded here.
    Raises:
        UsageError: another kind of file.
        PictureError: it is missing or damaged, or a texture is.
        MissingExtra: it has no texture coordinates, and what makes them is not installed.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "give a model's file", code="not-a-file")
    if suffix not in ENDINGS:
        raise UsageError(
            f"{path}: no model of that kind is read", f"one of {', '.join(ENDINGS)}", code="unknown-format"
        )
    if not path.exists():
        raise PictureError(f"there is no file {path}", code="no-such-file")
    if suffix == ".obj":
        from impasto.textures.obj import open_obj

        return open_obj(path, emissive=emissive)
    from impasto.textures.gltf import open_gltf

    return open_gltf(path, emissive=emissive, max_pixels=max_pixels)

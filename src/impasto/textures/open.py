"""Open a 3-D model of any supported format."""

from __future__ import annotations

from pathlib import Path

from impasto.errors import PictureError, UsageError
from impasto.picture.reading import MAX_PIXELS
from impasto.textures.model import Model

ENDINGS = (".glb", ".gltf", ".obj")


def open_model(path: Path, *, emissive: bool = False, max_pixels: int = MAX_PIXELS) -> Model:
    """Read a model and the textures that may be painted.

    Args:
        emissive: include emissive textures.
        max_pixels: refuse textures with more pixels, if they are decoded here.
    Raises:
        UsageError: the file's ending is not supported.
        PictureError: the model or a texture is missing or damaged.
        MissingExtra: the model has no texture coordinates, and xatlas, which makes them, is not installed.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "give a model file", code="not-a-file")
    if suffix not in ENDINGS:
        raise UsageError(f"{path}: unsupported model format", f"use one of {', '.join(ENDINGS)}", code="unknown-format")
    if not path.exists():
        raise PictureError(f"there is no file {path}", code="no-such-file")
    if suffix == ".obj":
        from impasto.textures.obj import open_obj

        return open_obj(path, emissive=emissive)
    from impasto.textures.gltf import open_gltf

    return open_gltf(path, emissive=emissive, max_pixels=max_pixels)

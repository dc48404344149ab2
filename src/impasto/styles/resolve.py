"""Parse --style, and find the styles."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from impasto.engines.base import Engine
from impasto.errors import PictureError, UsageError
from impasto.picture import Picture, Source
from impasto.picture.formats import SUFFIXES
from impasto.styles.gallery import Gallery
from impasto.styles.store import load_network
from impasto.styles.style import Blend, Style

WEIGHTS = (".pth", ".model", ".pt", ".safetensors")

StyleRequest: TypeAlias = "Source | Mapping[Any, float] | Sequence[Source | tuple[Source, float]]"
"""A name, a painting (any source of `Picture.open`), or several: {style: weight} or [style, (style, weight)]."""


def parse(text: str) -> tuple[str, float]:
    """Parse NAME, FILE, NAME:WEIGHT or FILE:WEIGHT.

    >>> parse("starry-night:0.7")
    ('starry-night', 0.7)

    Raises:
        UsageError: there is no style before the weight, or the text is empty.
    """
    if Path(text).is_file():  # a file whose name ends like a weight
        return text, 1.0
    name, colon, tail = text.rpartition(":")
    if colon:
        try:
            weight = float(tail)
        except ValueError:
            pass
        else:
            if not name:
                raise UsageError(f"--style {text}: a weight without a style", code="nothing-given")
            return name, weight
    if not text:
        raise UsageError("the style is empty", "list all: impasto styles", code="nothing-given")
    return text, 1.0


def resolve(
    request: StyleRequest,
    gallery: Gallery,
    engine: Engine,
    *,
    max_pixels: int | None = None,
    untrusted: bool = False,
) -> Blend:
    """Find each style and its vector.

    A text is first looked up as a style's name, then as a file. For a file with a style's name, write ./NAME.

    Args:
        untrusted: set this if the paintings come from strangers: see `Picture.open`. Files of networks are refused
            then.
    Raises:
        UsageError: an unknown style, no style at all, or weights that are negative, not finite, or all 0.
        PictureError: a painting cannot be read.
    """
    pairs: list[tuple[Any, float]] = []
    for source, weight in weighted(request):
        if isinstance(source, str):
            source, factor = parse(source) if source not in gallery else (source, 1.0)
            weight = _weight(source, weight) * factor
        pairs.append((source, _weight(source, weight)))
    if not pairs:
        raise UsageError("no style given", "list all: impasto styles", code="nothing-given")
    total = math.fsum(weight for _, weight in pairs)
    if total <= 0:
        raise UsageError(
            "the weights of the styles sum to 0", "give at least one style a weight above 0", code="zero-weights"
        )
    how: dict[str, Any] = {"untrusted": untrusted} | ({} if max_pixels is None else {"max_pixels": max_pixels})
    return Blend(tuple((_find(source, gallery, engine, how), weight / total) for source, weight in pairs if weight > 0))


def weighted(request: StyleRequest) -> list[tuple[Any, Any]]:
    """Return each style of a request with its weight."""
    if isinstance(request, Mapping):
        return list(request.items())
    items = request if isinstance(request, (list, tuple)) else [request]
    return [item if isinstance(item, tuple) else (item, 1.0) for item in items]


def _weight(source: object, weight: object) -> float:
    name = source if isinstance(source, (str, os.PathLike)) else "a style"
    if isinstance(weight, bool) or not isinstance(weight, (int, float)):
        raise UsageError(f"the weight of {name} is {weight!r}, not a number", code="not-a-number")
    if not math.isfinite(weight) or weight < 0:
        raise UsageError(
            f"the weight of {name} is {weight:g}, not 0 or more", "give a weight of 0 or more", code="out-of-range"
        )
    return float(weight)


def _find(source: Any, gallery: Gallery, engine: Engine, how: dict[str, Any]) -> Style:
    if isinstance(source, str):
        if source in gallery:
            return gallery.style(source)
        if source == "none":
            raise UsageError(
                "style none is only for regions, to keep a part of the photo", "--region face.png=none", code="conflict"
            )
        if not Path(source).exists() and source.partition("/")[0] in gallery:
            gallery.get(source)  # its error names the network's styles
        if not Path(source).exists() and not _looks_like_file(source):
            raise gallery.unknown(source)
    if isinstance(source, (str, os.PathLike)) and Path(source).is_dir():
        raise PictureError(
            f"the style {source} is a folder",
            "choose one painting, or a name from impasto styles",
            code="not-a-file",
        )
    if isinstance(source, (str, os.PathLike)) and not how["untrusted"]:
        suffix = Path(source).suffix.lower()
        if suffix == ".onnx":
            network = load_network(Path(source), engine.budget)
            if len(network.facts.styles) > 1:
                names = ", ".join(network.facts.styles[:4])
                hint = f"impasto styles import {source} --name NAME, then NAME/STYLE"
                raise UsageError(f"{source} contains several styles: {names}", hint, code="several-styles")
            return Style(Path(source).name, network, network.style(), None)
        if suffix in WEIGHTS:
            raise UsageError(
                f"{source} contains a network's weights",
                f"impasto styles import {source} --name NAME first",
                code="unknown-format",
            )
    picture = Picture.open(source, **how).as_painting()
    label = "a painting"
    if isinstance(source, (str, os.PathLike)):
        label = Path(source).name
    elif isinstance(source, Picture) and Path(source.name).suffix:  # the name of a file, not of bytes
        label = Path(source.name).name
    pixels = picture.pixels  # kept by the style, for encoding it again in other colors
    return Style(label, engine, engine.encode(pixels), pixels)


def _looks_like_file(text: str) -> bool:
    return Path(text).suffix.lower() in {*SUFFIXES, ".onnx", *WEIGHTS} or "/" in text or os.sep in text

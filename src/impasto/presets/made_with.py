"""Read the settings that made a picture from its metadata, as fields of the service or as a preset."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from PIL import Image

from impasto.controls import Controls
from impasto.engines.by_name import ENGINES
from impasto.errors import ImpastoError
from impasto.painting.regions import Region
from impasto.picture import Picture
from impasto.picture.metadata import made_with_in, made_with_of
from impasto.pixels.masks import FOUND
from impasto.presets.preset import MOST, Preset, beside

_LONGEST = 200  # characters of a style's label
_NUMBER = r"\d{1,7}(?:\.\d{1,6})?(?:e[+-]?\d{1,2})?"
_WEIGHTED = re.compile(rf"(.{{1,{_LONGEST}}}?):({_NUMBER})(?: \+ |$)")
_REGION = re.compile(
    rf"({'|'.join(FOUND)})=(.*?)(?:(?:,|(?<==))strength=({_NUMBER}))?(?:(?:,|(?<==))brush-size=({_NUMBER}))?"
)


def fields_of(made_with: Mapping[str, object] | None) -> dict[str, Any] | None:
    """Return the fields that request the same painting; None if the picture does not contain them.

    A file may contain anything. Unknown controls and values out of range are left out.

    Args:
        made_with: the record in the picture's metadata, as `Stylizer.made_with` makes it.
    Returns:
        `style`, names or files of paintings; `weight`, a number for each; `engine`; the controls; `regions`, a list of
            mask, style, strength and brush_size; and `left_out`, the number of regions that the file does not describe,
            such as those with drawn masks.
    """
    if not made_with:
        return None
    styles = _styles(made_with.get("style"))
    if not styles:
        return None
    found: dict[str, Any] = {"style": [name for name, _ in styles], "weight": [weight for _, weight in styles]}
    if made_with.get("engine") in ENGINES:
        found["engine"] = made_with["engine"]
    controls = made_with.get("controls")
    for part in fields(Controls):
        value = controls.get(part.name) if isinstance(controls, Mapping) else None
        if value is not None and _is_valid(part.name, value):
            found[part.name] = value
    labels = made_with.get("regions")
    labels = labels if isinstance(labels, list) else []
    regions = [region for label in labels[:MOST] if (region := _region(label)) is not None]
    return found | {"regions": regions, "left_out": len(labels) - len(regions)}


def preset_like(settings: Mapping[str, Any], name: str) -> Preset:
    """Make a preset from the result of `settings_of`.

    Args:
        name: the name of the picture's file. Paintings are looked up beside it first.
    """
    styles = tuple(zip(settings["style"], settings["weight"], strict=True))
    controls = {part.name: settings[part.name] for part in fields(Controls) if part.name in settings}
    regions = tuple(Region(**region) for region in settings["regions"])
    found = Preset(styles, controls, regions, settings.get("engine", ""), left_out=settings["left_out"])
    return found.with_styles(lambda style: beside(Path(name), style))


def settings_of(photo: Picture, data: bytes) -> dict[str, Any] | None:
    """Return the fields that made a picture.

    Args:
        data: the picture's file. A GIF stores the fields in its comment, which `Picture` does not keep.
    """
    made_with = made_with_of(photo.metadata)
    if made_with is None and photo.file_format == "GIF":
        with suppress(Exception):  # comments may contain anything
            comment = Image.open(io.BytesIO(data)).info.get("comment", b"")
            made_with = made_with_in(comment.decode("utf-8", "replace"))
    return fields_of(made_with)


def settings_of_clip(metadata: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the fields that made a clip, from its comment or description."""
    said = (made_with_in(text) for text in metadata.values())
    return fields_of(next(filter(None, said), None))


def _is_valid(name: str, value: Any) -> bool:
    try:
        Controls(**{name: value})
    except (ImpastoError, TypeError):
        return False
    return True


def _styles(label: object) -> list[tuple[str, float]]:
    """Return names and weights from a style's label: NAME, or for a blend NAME:WEIGHT + NAME:WEIGHT."""
    if not isinstance(label, str) or len(label) > (_LONGEST + 20) * MOST:
        return []
    parts = _WEIGHTED.findall(label)
    found = [(name, float(weight)) for name, weight in parts]
    if len(parts) == 1 or " + ".join(map(":".join, parts)) != label:  # a name may contain anything
        found = [(label, 1.0)]
    is_usable = all(0 < len(name) <= _LONGEST and name.isprintable() for name, _ in found)
    return found if is_usable and len(found) <= MOST and sum(weight for _, weight in found) > 0 else []


def _region(label: object) -> dict[str, Any] | None:
    """Return a region with an automatic mask from its label, MASK=STYLE,strength=60,brush-size=2; else None."""
    parts = _REGION.fullmatch(label) if isinstance(label, str) and len(label) <= 2 * _LONGEST else None
    if parts is None:
        return None
    mask, style, strength, brush_size = parts.groups()
    if not (style == "" or [name for name, _ in _styles(style)] == [style]):
        return None  # a blend, which fields cannot express
    try:
        region = Region(mask, style, float(strength or 100), None if brush_size is None else float(brush_size))
    except ImpastoError:
        return None
    return {name: getattr(region, name) for name in ("mask", "style", "strength", "brush_size")}

"""Presets: styles and controls in a small JSON file, which the command line, the service and the page share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from impasto.controls import Controls
from impasto.engines.by_name import ENGINES
from impasto.errors import PictureError, UsageError
from impasto.painting.regions import Region
from impasto.picture import Picture
from impasto.picture.reading import file_bytes
from impasto.pixels.masks import FOUND

T = TypeVar("T")

FORMAT = 1  # docs/formats.md; files without a number have this one
SUFFIX = ".impasto.json"
"""The ending of preset files for sharing."""
MOST = 16
"""Largest number of styles, and of regions."""
_LARGEST = 1_000_000  # bytes of a file
_LONGEST_TITLE = 100  # characters
_OWN = "own:"  # prefix of a painting that only the page stores
_CONTROLS = {part.name for part in fields(Controls)}


@dataclass(frozen=True)
class Preset:
    """Keep styles, controls and regions under a name. Unset values are left to the user of the preset.

    Attributes:
        styles: names or files of paintings, each with a weight.
        controls: fields of `impasto.Controls` and their values.
        regions: regions with automatic masks: person, background, faces.
        engine: the engine that paints; "" if it is not set.
        title: a title for people.
        left_out: the number of regions with drawn masks in the source, which a preset cannot contain.

    >>> preset = impasto.Preset((("starry-night", 1.0),), {"strength": 60.0}, title="Quiet night")
    >>> preset.arguments
    {'style': [('starry-night', 1.0)], 'strength': 60.0}
    >>> impasto.stylize("photo.jpg", **preset.arguments)
    <Picture 64x36>
    """

    styles: tuple[tuple[str, float], ...] = ()
    controls: Mapping[str, Any] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    engine: str = ""
    title: str = ""
    left_out: int = field(default=0, compare=False)

    @classmethod
    def open(cls, source: str | Path) -> Preset:
        """Read one of the user's presets by its name, or the file of any preset.

        Paintings that a file names are looked up beside it first.

        Raises:
            UsageError: there is no such preset, or its content is invalid.
            PictureError: the file cannot be read.
        """
        from impasto.presets.store import preset_file

        path = preset_file(source)
        try:
            if path.stat().st_size > _LARGEST:
                raise _not_one(path, "it is too large")
            data = path.read_bytes()
            read = json.loads(data.decode("utf-8-sig"))
        except OSError as error:
            raise PictureError(f"cannot read {path}: {error.strerror}", code="not-readable") from error
        except (ValueError, RecursionError):
            raise _not_one(path, "it is not JSON") from None
        return cls.of(read, str(path)).with_styles(lambda style: beside(path, style))

    @classmethod
    def like(cls, picture: str | Path) -> Preset:
        """Read the settings that made a picture from its file. Paintings are looked up beside it first.

        Raises:
            UsageError: the file has no settings. Impasto did not make it, or another program removed them.
            PictureError: the file cannot be read.
        """
        from impasto.presets.made_with import preset_like, settings_of

        settings = settings_of(Picture.open(picture), file_bytes(picture))
        if settings is None:
            raise says_nothing(picture)
        return preset_like(settings, str(picture))

    @classmethod
    def of(cls, data: object, name: str) -> Preset:
        """Make a preset from parsed JSON. Fields of other versions are ignored.

        Args:
            name: the name of the file, for messages.
        Raises:
            UsageError: the content is invalid.
        """
        if not isinstance(data, dict) or not any(isinstance(data.get(key), (list, dict)) for key in _PARTS):
            raise _not_one(name, "it has neither styles nor controls")
        if data.get("format", FORMAT) != FORMAT:
            raise UsageError(f"a later version of Impasto wrote {name}", "update Impasto", code="other-version")
        try:
            layers = data.get("layers", [])
            if len(layers) > MOST:
                raise UsageError(f"{len(layers)} regions are too many", f"use up to {MOST}", code="out-of-range")
            regions = _regions(layers)
            found = cls(
                _styles(data),
                _controls(data),
                regions,
                _choice("engine", data.get("engine", ""), ("", *ENGINES)),
                _title(data.get("title")),
                len(layers) - len(regions),
            )
            found.as_json()  # refuses texts that a file cannot contain
            return found
        except UsageError as error:
            raise UsageError(f"{name}: {error.message}", error.hint, code=error.code) from None
        except (TypeError, ValueError, AttributeError, KeyError):
            raise _not_one(name, "a field has the wrong type") from None

    def as_dict(self) -> dict[str, Any]:
        """Return the preset as JSON values."""
        layers = [
            {"found": one.mask, "style": one.style, "strength": one.strength, "brush_size": one.brush_size}
            for one in self.regions
        ]
        return {
            **({"title": self.title} if self.title else {}),
            "styles": [{"style": style, "weight": weight} for style, weight in self.styles],
            "controls": dict(self.controls),
            "layers": layers,
            **({"engine": self.engine} if self.engine else {}),
        }

    def as_json(self) -> bytes:
        """Return the bytes of the preset's file."""
        return (json.dumps({"format": FORMAT, **self.as_dict()}, indent=1, ensure_ascii=False) + "\n").encode()

    def with_styles(self, change: Callable[[str], str]) -> Preset:
        """Return the preset with other names for its styles and those of its regions."""
        regions = tuple(
            one if one.style in ("", "none") else replace(one, style=change(one.style)) for one in self.regions
        )
        return replace(self, styles=tuple((change(style), weight) for style, weight in self.styles), regions=regions)

    @property
    def arguments(self) -> dict[str, Any]:
        """The preset as keyword arguments of `impasto.stylize`."""
        said = {"style": list(self.styles), "regions": list(self.regions), "engine": self.engine}
        return {name: value for name, value in said.items() if value} | dict(self.controls)


_PARTS = ("styles", "controls", "layers")


def _styles(data: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    found = []
    for one in data.get("styles", []):
        style, weight = one["style"], one.get("weight", 1)
        if not isinstance(style, str) or not style or isinstance(weight, bool):
            raise ValueError
        if style.startswith(_OWN):
            title = data.get("names", {}).get(style, style)
            hint = "save the painting as a style in the page, and save the preset again"
            raise UsageError(f"only the page stores the painting {title!r:.80}", hint, code="unknown-style")
        if not 0 <= weight <= 1e6:
            raise UsageError(f"the weight {weight} of {style} is not in 0..1,000,000", code="out-of-range")
        found.append((style, float(weight)))
    if len(found) > MOST:
        raise UsageError(f"{len(found)} styles are too many", f"use up to {MOST}", code="out-of-range")
    if found and not any(weight for _, weight in found):
        raise UsageError(
            "the weights of the styles sum to 0", "give at least one style a weight above 0", code="zero-weights"
        )
    return tuple(found)


def _controls(data: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in data.get("controls", {}).items() if name in _CONTROLS and value is not None}
    Controls(**found)  # refuses invalid values
    return found


def _regions(layers: list[Any]) -> tuple[Region, ...]:
    return tuple(
        Region(
            layer["found"],
            _text(layer.get("style", "none")),
            _or(layer.get("strength"), 100.0),
            _or(layer.get("brush_size"), None),
        )
        for layer in layers
        if layer["found"] in FOUND
    )


def _title(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not value.isprintable() or len(value) > _LONGEST_TITLE:
        raise ValueError
    return value


def _or(value: T | None, default: T) -> T:
    return default if value is None else value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _choice(noun: str, value: object, choices: tuple[str, ...]) -> str:
    if value not in choices:
        hint = f"one of {', '.join(filter(None, choices))}"
        raise UsageError(f"unknown {noun} {value!r:.60}", hint, code="unknown-choice")
    return str(value)


def says_nothing(picture: str | Path) -> UsageError:
    """Return the error for a picture without settings."""
    hint = "--no-mark, and saving with another program, leave the settings out"
    return UsageError(f"{picture} contains no settings", hint, code="nothing-given")


def beside(path: Path, style: str) -> str:
    """Return the path of a painting's file beside the preset's file; any other text unchanged."""
    beside = path.absolute().parent / style
    return str(beside) if Path(style).suffix and beside.is_file() else style


def _not_one(name: object, reason: str) -> UsageError:
    return UsageError(f"{name} is not a preset: {reason}", "make one: impasto presets save NAME", code="malformed")

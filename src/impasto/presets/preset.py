"""A preset: styles and controls as one small JSON file, which the command line, the service and the page share."""

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

SUFFIX = ".impasto.json"
"""How files of presets end that are handed on."""
MOST = 16
"""Styles, and regions."""
_LARGEST = 1_000_000  # bytes of a file
_LONGEST_TITLE = 100  # characters
_OWN = "own:"  # how the page calls a painting that it keeps itself
_CONTROLS = {part.name for part in fields(Controls)}


@dataclass(frozen=True)
class Preset:
    """Styles, controls and regions under a name. What it does not say is left to whoever uses it.

    Attributes:
        styles: names, or paintings' files, each with a weight.
        controls: fields of `impasto.Controls` and their values.
        regions: those whose masks are found in each photo: person, background, faces.
        engine: what paints; "", not said.
        title: what people call it.
        left_out: regions of the file or the picture that it came from, whose masks were drawn, and are not in it.

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
        """Read one of the user's presets by its name, or any preset's file.

        Paintings that a file names are looked for beside it first.

        Raises:
            UsageError: there is no such preset, or it makes no sense.
            PictureError: its file cannot be read.
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
            raise _not_one(path, "it holds no JSON") from None
        return cls.of(read, str(path)).with_styles(lambda style: beside(path, style))

    @classmethod
    def like(cls, picture: str | Path) -> Preset:
        """Read the settings that made a picture from its file. Paintings are looked for beside it first.

        Raises:
            UsageError: it does not say them: Impasto has not made it, or another program has taken them out.
            PictureError: it cannot be read.
        """
        from impasto.presets.made_with import preset_like, settings_of

        settings = settings_of(Picture.open(picture), file_bytes(picture))
        if settings is None:
            raise says_nothing(picture)
        return preset_like(settings, str(picture))

    @classmethod
    def of(cls, data: object, name: str) -> Preset:
        """A preset from what its JSON says. Fields of other versions are not looked at.

        Args:
            name: of the file, for messages.
        Raises:
            UsageError: it makes no sense.
        """
        if not isinstance(data, dict) or not any(isinstance(data.get(key), (list, dict)) for key in _PARTS):
            raise _not_one(name, "it has neither styles nor controls")
        try:
            layers = data.get("layers", [])
            if len(layers) > MOST:
                raise UsageError(f"{len(layers)} regions are too many", f"up to {MOST}", code="out-of-range")
            regions = _regions(layers)
            found = cls(
                _styles(data),
                _controls(data),
                regions,
                _choice("engine", data.get("engine", ""), ("", *ENGINES)),
                _title(data.get("title")),
                len(layers) - len(regions),
            )
            found.as_json()  # refuses texts that no file holds
            return found
        except UsageError as error:
            raise UsageError(f"{name}: {error.message}", error.hint, code=error.code) from None
        except (TypeError, ValueError, AttributeError, KeyError):
            raise _not_one(name, "a field holds something else than it should") from None

    def as_dict(self) -> dict[str, Any]:
        """What its JSON says."""
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
        """The bytes of its file."""
        return (json.dumps(self.as_dict(), indent=1, ensure_ascii=False) + "\n").encode()

    def with_styles(self, change: Callable[[str], str]) -> Preset:
        """The same preset with other names of its styles, and of its regions'."""
        regions = tuple(
            one if one.style in ("", "none") else replace(one, style=change(one.style)) for one in self.regions
        )
        return replace(self, styles=tuple((change(style), weight) for style, weight in self.styles), regions=regions)

    @property
    def arguments(self) -> dict[str, Any]:
        """What `impasto.stylize` takes beside the photo."""
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
            hint = "save the painting as a style there, and keep the preset again"
            raise UsageError(f"the painting {title!r:.80} is kept by the page alone", hint, code="unknown-style")
        if not 0 <= weight <= 1e6:
            raise UsageError(f"the weight {weight} of {style} is not in 0..1,000,000", code="out-of-range")
        found.append((style, float(weight)))
    if len(found) > MOST:
        raise UsageError(f"{len(found)} styles are too many", f"up to {MOST}", code="out-of-range")
    if found and not any(weight for _, weight in found):
        raise UsageError("the weights of the styles sum to 0", "give one a weight above 0", code="zero-weights")
    return tuple(found)


def _controls(data: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in data.get("controls", {}).items() if name in _CONTROLS and value is not None}
    Controls(**found)  # says what is wrong with them
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
        raise UsageError(f"{noun} {value!r:.60} is unknown", hint, code="unknown-choice")
    return str(value)


def says_nothing(picture: str | Path) -> UsageError:
    """What is wrong with a file that holds no settings."""
    hint = "pictures that were painted with --no-mark do not, nor do those that other programs have saved"
    return UsageError(f"{picture} does not say how it was made", hint, code="nothing-given")


def beside(path: Path, style: str) -> str:
    """A painting's file that lies where the preset's file lies; anything else as it is."""
    beside = path.absolute().parent / style
    return str(beside) if Path(style).suffix and beside.is_file() else style


def _not_one(name: object, reason: str) -> UsageError:
    return UsageError(f"{name} is no preset: {reason}", "impasto presets save NAME makes one", code="malformed")

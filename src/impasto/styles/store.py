"""A style's folder: its card, its painting, its vectors, its network."""

from __future__ import annotations

import functools
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.engines.base import StyleVector
from impasto.engines.by_name import ENGINES, engine_of
from impasto.errors import StyleError, UsageError
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels
from impasto.system.files import ASSETS, write_atomically

if TYPE_CHECKING:
    from impasto.engines.network import Network

FORMAT = 1  # docs/formats.md; files without a number have this one
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
RESERVED = {"none", "con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
LONGEST_NAME = 64


@dataclass(frozen=True)
class Entry:
    """A named style: its origin, and the places of its files.

    Attributes:
        network: the file of a network that is this style, or contains it; None for styles with vectors.
        painting: True if `picture` is the painting; False if it is a photo that the network has painted.
        learned: for each engine that has learned the style: the number of "steps" and "seconds", and the "style" and
            "content" losses relative to those of the encoded vector.
        card: how the vector was made, if it was trained.
        owner: a digest of the owner's secret; "" for styles that were saved on this machine.
    """

    name: str
    title: str
    artist: str
    year: str
    kind: str
    license: str
    source: str
    builtin: bool
    picture: Path
    thumbnail: Path
    network: Path | None = None
    painting: bool = True
    learned: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    card: Mapping[str, object] = field(default_factory=dict)
    owner: str = ""

    @property
    def engine(self) -> str:
        """The engine that was trained on the style as a collection; "" for all other styles."""
        recipe = self.card.get("recipe")
        return str(recipe.get("generator", "")) if isinstance(recipe, Mapping) and self.network is None else ""

    def as_dict(self) -> dict[str, object]:
        keys = ("name", "title", "artist", "year", "kind", "license", "source", "builtin")
        found = {key: getattr(self, key) for key in keys}
        learned = {engine: dict(facts) for engine, facts in self.learned.items()}
        return found | ({"learned": learned} if learned else {}) | ({"card": dict(self.card)} if self.card else {})


def read_folder(folder: Path) -> list[Entry]:
    """Return the styles in a folder of the user's gallery: one, or those of a network.

    Raises:
        StyleError: the folder is damaged.
    """
    name = folder.name
    try:
        if not NAME.fullmatch(name):
            raise ValueError("its folder does not have a style's name")
        card = read_card(folder)
        styles = card.get("network")
        if styles is None:
            for engine, encoder in encoders(card).items():
                if encoder == engine_of(engine).id and (folder / vector_file(engine)).is_file():
                    read_vector(folder / vector_file(engine), engine)
            return [_entry(folder, card, "your own", name, "picture", "thumbnail", learned=lessons(card))]
        if not isinstance(styles, list) or not all(isinstance(style, str) for style in styles):
            raise ValueError("style.json does not name its styles")
        facts = {"network": folder / "network.onnx", "painting": bool(card.get("painting"))}
        _there(folder / "network.onnx")
        if len(styles) == 1:
            return [_entry(folder, card, "your network", name, "picture", "thumbnail", **facts)]
        return [
            _entry(
                folder,
                card | {"title": style},
                "your network",
                f"{name}/{style}",
                style,
                f"{style}-small",
                **facts,
            )
            for style in styles
        ]
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0][:100]
        raise StyleError(
            f"your style {name} is damaged: {reason}",
            f"impasto styles remove {name}, and add it again",
            code="damaged-file",
        ) from error


def load_network(path: Path, budget: int | None = None) -> Network:
    """Load the network in a file. Up to eight networks stay loaded until their files change.

    Args:
        budget: bytes that painting may use, as for `Network`.
    """
    try:
        found = path.stat()
    except OSError:
        return _loaded(path, budget, None)
    return _loaded(path, budget, (found.st_ino, found.st_mtime_ns, found.st_size))


@functools.lru_cache(maxsize=8)
def _loaded(path: Path, budget: int | None, state: object) -> Network:  # noqa: ARG001  the file's state, for the cache
    from impasto.engines.network import Network  # imported here, because few styles are networks

    return Network(path, trial_photo, budget)


@functools.cache
def trial_photo() -> Pixels:
    """Return a photo (128 x 192 x 3) that tells how a network's values are to be interpreted."""
    return sample_photo().resized(192, 128).pixels


def sample_photo() -> Picture:
    """Return a built-in photo."""
    return Picture.open(ASSETS / "samples" / "colosseum.jpg")


def read_card(folder: Path) -> dict[str, object]:
    """Return the card in a style's folder.

    Raises:
        OSError, ValueError: the card is missing or damaged, or a later version of Impasto wrote it.
    """
    card = json.loads((folder / "style.json").read_text(encoding="utf-8"))
    if not isinstance(card, dict):
        raise ValueError("style.json does not contain an object")
    if card.pop("format", FORMAT) != FORMAT:
        raise ValueError("a later version of Impasto wrote style.json")
    return card


def _entry(
    folder: Path, card: Mapping[str, object], kind: str, name: str, picture: str, thumbnail: str, **facts: Any
) -> Entry:
    texts: dict[str, Any] = {key: str(card.get(key, "")) for key in ("title", "artist", "year", "license", "source")}
    facts |= {"owner": str(card.get("owner", ""))}
    how = card.get("card")
    facts |= {"card": how} if isinstance(how, dict) else {}
    files: dict[str, Any] = {"picture": folder / f"{picture}.png", "thumbnail": folder / f"{thumbnail}.jpg"}
    for file in files.values():
        _there(file)
    return Entry(name, **texts, kind=kind, builtin=False, **files, **facts)


def _there(file: Path) -> None:
    if not file.is_file():
        raise ValueError(f"{file.name} is missing")


def as_name(text: str, noun: str = "style") -> str:
    """Turn a text into a valid name for a style, or for another thing with such names.

    >>> as_name("My Painting_2")
    'my-painting-2'

    Raises:
        UsageError: the text contains no valid characters.
    """
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_NAME].strip("-")
    if not name:
        raise UsageError(f"cannot make a name from {text!r}", f"--name my-{noun}", code="bad-name")
    check_name(name, noun)
    return name


def check_name(name: str, noun: str = "style") -> None:
    """Check that `name` is valid as a style's name, and as a file or folder name on every system.

    Raises:
        UsageError: the name is not valid.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME or name in RESERVED:
        raise UsageError(
            f"{name!r} is not a valid {noun} name",
            f"use up to {LONGEST_NAME} lower-case letters, digits and hyphens: my-{noun}",
            code="bad-name",
        )


def lessons(card: Mapping[str, object]) -> dict[str, dict[str, float]]:
    """Return {engine: the card's facts about its learning}. Older cards contain only the light engine."""
    found = card.get("learned")
    if not isinstance(found, dict) or not found:
        return {}
    if not any(isinstance(facts, dict) for facts in found.values()):
        found = {"light": found}
    return {
        str(engine): facts
        for engine, facts in found.items()
        if isinstance(facts, dict) and all(isinstance(value, (int, float)) for value in facts.values())
    }


def vector_file(engine: str) -> str:
    """Return the name of the file with a user style's vector for an engine."""
    return "vector.npy" if engine == "light" else f"{engine}.npy"


def encoders(card: Mapping[str, object]) -> dict[str, str]:
    """Return {engine: the encoder that made the style's vector}. Older cards contain only the light engine."""
    found = card.get("encoders", {"light": card["painter"]} if "painter" in card else {})
    if not isinstance(found, dict):
        raise ValueError("style.json does not name its engines")
    return {engine: str(value) for engine, value in found.items() if engine in ENGINES}


def read_vector(path: Path, engine: str) -> StyleVector:
    """Read a style's vector for an engine.

    Raises:
        OSError, ValueError, EOFError: the file is missing or damaged.
    """
    numbers = np.load(path, allow_pickle=False)
    if numbers.dtype != np.float32 or not np.isfinite(numbers).all():
        raise ValueError(f"{path.name} does not contain a style vector")
    return engine_of(engine).style(np.asarray(numbers))


def write_style(file: Path, card: Mapping[str, object], vector: StyleVector) -> None:
    buffer = io.BytesIO()
    np.save(buffer, vector.numbers)
    write_atomically(file, buffer.getvalue(), overwrite=True)
    write_json(file.parent / "style.json", card)


def write_json(path: Path, card: Mapping[str, object]) -> None:
    text = json.dumps({"format": FORMAT, **card}, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode(), overwrite=True)


def write_pictures(folder: Path, name: str, thumbnail: str, picture: Picture) -> None:
    plain = Picture(picture.pixels)
    plain.save(folder / f"{name}.png")
    plain.at_most(320).save(folder / f"{thumbnail}.jpg", quality=85)

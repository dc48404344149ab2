"""A style's folder on disk: its card, its painting, its vectors, its network."""

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

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
RESERVED = {"none", "con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
LONGEST_NAME = 64


@dataclass(frozen=True)
class Entry:
    """A named style: where it comes from, and where its data lies.

    `learned` says of each engine that has learned it for how many "steps" and "seconds", and what "style" and "content"
    losses came to, over the encoded vector's. `card` says how its vector was made, if it was trained.
    """

    name: str
    title: str
    artist: str
    year: str
    kind: str
    licence: str
    source: str
    builtin: bool
    picture: Path
    thumbnail: Path
    network: Path | None = None  # of a style that is a network of its own, or one of its styles
    painting: bool = True  # whether `picture` is the painting; else it is what the network makes of a photo
    learned: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    card: Mapping[str, object] = field(default_factory=dict)
    owner: str = ""  # a digest of what its owner alone knows; "" of a style that was saved on this machine

    @property
    def engine(self) -> str:
        """The engine that was trained on it as a collection; "" of every other style."""
        recipe = self.card.get("recipe")
        return str(recipe.get("generator", "")) if isinstance(recipe, Mapping) and self.network is None else ""

    def as_dict(self) -> dict[str, object]:
        keys = ("name", "title", "artist", "year", "kind", "licence", "source", "builtin")
        found = {key: getattr(self, key) for key in keys}
        learned = {engine: dict(facts) for engine, facts in self.learned.items()}
        return found | ({"learned": learned} if learned else {}) | ({"card": dict(self.card)} if self.card else {})


def read_folder(folder: Path) -> list[Entry]:
    """The styles in a folder of the user's gallery: one, or those of a network.

    Raises:
        StyleError: it is damaged.
    """
    name = folder.name
    try:
        if not NAME.fullmatch(name):
            raise ValueError("its folder's name is no style's name")
        card = read_card(folder)
        styles = card.get("network")
        if styles is None:
            for engine, encoder in encoders(card).items():
                if encoder == engine_of(engine).id and (folder / vector_file(engine)).is_file():
                    read_vector(folder / vector_file(engine), engine)
            return [_entry(folder, card, "your own", name, "picture", "thumbnail", learned=lessons(card))]
        if not isinstance(styles, list) or not all(isinstance(style, str) for style in styles):
            raise ValueError("style.json names no styles")
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
            f"impasto styles remove {name}, then add it again",
            code="damaged-file",
        ) from error


def load_network(path: Path, budget: int | None = None) -> Network:
    """The network in a file; the last ones used stay loaded until their files change.

    Args:
        budget: bytes that painting may take, as for `Network`.
    """
    try:
        found = path.stat()
    except OSError:
        return _loaded(path, budget, None)
    return _loaded(path, budget, (found.st_ino, found.st_mtime_ns, found.st_size))


@functools.lru_cache(maxsize=8)
def _loaded(path: Path, budget: int | None, state: object) -> Network:  # noqa: ARG001  what the file was
    from impasto.engines.network import Network  # here, since few styles are networks

    return Network(path, trial_photo, budget)


@functools.cache
def trial_photo() -> Pixels:
    """The photo that tells what a network's numbers mean: 128 x 192 x 3."""
    return sample_photo().resized(192, 128).pixels


def sample_photo() -> Picture:
    """A photo that ships."""
    return Picture.open(ASSETS / "samples" / "colosseum.jpg")


def read_card(folder: Path) -> dict[str, object]:
    """What a style's folder says of it.

    Raises:
        OSError, ValueError: it is missing or damaged.
    """
    card = json.loads((folder / "style.json").read_text(encoding="utf-8"))
    if not isinstance(card, dict):
        raise ValueError("style.json holds no object")
    return card


def _entry(
    folder: Path, card: Mapping[str, object], kind: str, name: str, picture: str, thumbnail: str, **facts: Any
) -> Entry:
    texts: dict[str, Any] = {key: str(card.get(key, "")) for key in ("title", "artist", "year", "licence", "source")}
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
    """A text as the name of a style, or of another thing that is called in the same way.

    >>> as_name("My Painting_2")
    'my-painting-2'

    Raises:
        UsageError: nothing of it can be in a name.
    """
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_NAME].strip("-")
    if not name:
        raise UsageError(f"{text!r} gives no name", f"--name my-{noun}", code="bad-name")
    check_name(name, noun)
    return name


def check_name(name: str, noun: str = "style") -> None:
    """Raises UsageError unless `name` may be a style's: it is also a file's or a folder's name, on every system."""
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME or name in RESERVED:
        raise UsageError(
            f"{name!r} cannot be a {noun}'s name",
            f"lower-case letters, digits and hyphens, up to {LONGEST_NAME}: my-{noun}",
            code="bad-name",
        )


def lessons(card: Mapping[str, object]) -> dict[str, dict[str, float]]:
    """{engine: what a card says of its learning}; older cards know of the light engine only."""
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
    """What holds a user's style's vector for an engine."""
    return "vector.npy" if engine == "light" else f"{engine}.npy"


def encoders(card: Mapping[str, object]) -> dict[str, str]:
    """{engine: which of its encoders made the style's vector}; older cards know of the light engine only."""
    found = card.get("encoders", {"light": card["painter"]} if "painter" in card else {})
    if not isinstance(found, dict):
        raise ValueError("style.json names no engines")
    return {engine: str(value) for engine, value in found.items() if engine in ENGINES}


def read_vector(path: Path, engine: str) -> StyleVector:
    """A style's vector for an engine.

    Raises:
        OSError, ValueError, EOFError: it is missing or damaged.
    """
    numbers = np.load(path, allow_pickle=False)
    if numbers.dtype != np.float32 or not np.isfinite(numbers).all():
        raise ValueError(f"{path.name} holds no style vector")
    return engine_of(engine).style(np.asarray(numbers))


def write_style(file: Path, card: Mapping[str, object], vector: StyleVector) -> None:
    buffer = io.BytesIO()
    np.save(buffer, vector.numbers)
    write_atomically(file, buffer.getvalue(), overwrite=True)
    write_json(file.parent / "style.json", card)


def write_json(path: Path, card: Mapping[str, object]) -> None:
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode(), overwrite=True)


def write_pictures(folder: Path, name: str, thumbnail: str, picture: Picture) -> None:
    plain = Picture(picture.pixels)
    plain.save(folder / f"{name}.png")
    plain.at_most(320).save(folder / f"{thumbnail}.jpg", quality=85)

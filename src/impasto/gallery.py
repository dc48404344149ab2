"""Named styles on disk: the built-in ones, and the user's own in the platform's data folder."""

from __future__ import annotations

import contextlib
import difflib
import functools
import io
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from impasto import builtin
from impasto.by_name import ENGINES, engine_of
from impasto.engine import Engine, StyleVector
from impasto.errors import PictureError, StyleError, UsageError
from impasto.files import ASSETS, part_name, write_atomically
from impasto.network import Network
from impasto.picture import Picture, Source

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
RESERVED = {"none", "con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
LONGEST_NAME = 64
KEPT_SIDE = 1280  # a user's painting is kept at this size: a later painter computes its vector anew from it


@dataclass(frozen=True)
class Entry:
    """A named style: where it comes from, and where its data lies.

    `learned` says of each engine that has learned it for how many "steps" and "seconds", and what "style" and "content"
    losses came to, over the encoded vector's.
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
    network: Path | None = None  # of a style that is a network of its own; it has no vector
    part: int = 0  # which of that network's styles it is
    painting: bool = True  # whether `picture` is the painting; else it is what the network makes of a photo
    learned: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        keys = ("name", "title", "artist", "year", "kind", "licence", "source", "builtin")
        found = {key: getattr(self, key) for key in keys}
        learned = {engine: dict(facts) for engine, facts in self.learned.items()}
        return found | {"learned": learned} if learned else found


class Gallery:
    """The built-in styles and the user's own.

    Args:
        folder: where the user's styles lie; the platform's data folder, or $IMPASTO_HOME, if not given.
        painter: whose vectors are wanted.
    """

    def __init__(self, folder: Path | None = None, painter: Engine | None = None) -> None:
        self._folder = folder
        self.painter = painter or engine_of()

    @functools.cached_property
    def folder(self) -> Path:
        """Where the user's styles lie."""
        return self._folder or user_folder()

    def names(self) -> list[str]:
        """Of all styles; those of a network of several are NETWORK/STYLE."""
        return [entry.name for entry in self.entries()]

    def entries(self) -> list[Entry]:
        """All usable styles, the built-in ones first; damaged ones of the user's are left out (see `problems`)."""
        found = (self._try_own(name) for name in self._own_names())
        own = [entry for entries in found if isinstance(entries, list) for entry in entries]
        return [*_builtin().values(), *own]

    def problems(self) -> list[str]:
        """What is wrong with the user's styles, a line for each damaged one."""
        found = [self._try_own(name) for name in self._own_names()]
        return [f"{problem.message}  ({problem.hint})" for problem in found if isinstance(problem, StyleError)]

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if name in _builtin():
            return True
        folder, slash, _ = name.partition("/")
        if folder not in self._own_names():
            return False
        found = self._try_own(folder) if slash else []
        return not slash or isinstance(found, StyleError) or name in [entry.name for entry in found]

    def get(self, name: str) -> Entry:
        """The style of that name.

        Raises:
            UsageError: there is none; the message proposes near ones.
            StyleError: it is the user's and damaged.
        """
        if name in _builtin():
            return _builtin()[name]
        folder = name.partition("/")[0]
        if folder not in self._own_names():
            raise self.unknown(name)
        found = self._try_own(folder)
        if isinstance(found, StyleError):
            raise found
        for entry in found:
            if entry.name == name:
                return entry
        names = ", ".join(entry.name for entry in found[:4])
        if name == folder:
            raise UsageError(f"{name} holds {len(found)} styles", names)
        raise UsageError(f"{name} is no style", names)

    def unknown(self, name: str) -> UsageError:
        near = difflib.get_close_matches(name.lower(), self.names(), n=2, cutoff=0.6)
        guess = f" Did you mean {' or '.join(near)}?" if near else ""
        return UsageError(f"{name} is no style.{guess}", "impasto styles lists them all")

    def vector(self, name: str) -> StyleVector:
        """The style's vector for this gallery's engine.

        It is computed anew from the stored picture where there is none, or another version's encoder made it.

        Raises:
            StyleError: the style is a network of its own and has none.
        """
        entry = self.get(name)
        if entry.network is not None:
            raise StyleError(f"{name} is a network and has no style vector")
        if not self.painter.keeps_vectors:
            return self.painter.encode(self.picture(entry).pixels)
        if entry.builtin:
            return builtin.vector(name, self.painter.name)
        kept = self._kept(name)
        if kept is not None:
            return kept
        vector = self.painter.encode(self.picture(entry).pixels)
        kept = self._kept(name)  # it may have been learned meanwhile
        if kept is not None:
            return kept
        card = self._read_card(name)
        lessons = _lessons(card)
        lessons.pop(self.painter.name, None)  # by another version
        with contextlib.suppress(PictureError, OSError):  # a gallery that cannot be written to paints all the same
            file = self.folder / name / vector_file(self.painter.name)
            _write_style(file, self._encoded(card) | {"learned": lessons}, vector)
        return vector

    def _kept(self, name: str) -> StyleVector | None:
        """The vector that this engine's present encoder, or its learning, has left in a style's folder."""
        file = self.folder / name / vector_file(self.painter.name)
        if _encoders(self._read_card(name)).get(self.painter.name) != self.painter.id or not file.is_file():
            return None
        return _read_vector(file, self.painter.name)

    def _encoded(self, card: Mapping[str, object]) -> dict[str, object]:
        """A style's card, with a vector of this gallery's engine."""
        rest = {key: value for key, value in card.items() if key != "painter"}
        return rest | {"encoders": _encoders(card) | {self.painter.name: self.painter.id}}

    def teach(self, name: str, vector: StyleVector, learned: Mapping[str, float]) -> Entry:
        """Give a style of the user's the vector that was learned from its painting.

        Args:
            vector: its numbers, and the changes of the painter's filters after them.
            learned: how long, and what it is worth: see `Entry`.
        Raises:
            UsageError: it is no style of the user's, or a network.
            StyleError: it is damaged or gone, or its folder cannot be written to.
        """
        folder = self.own_painting(name)
        card = self._read_card(name)
        lessons = _lessons(card) | {self.painter.name: dict(learned)}
        card = self._encoded(card) | {"learned": lessons}
        try:
            _write_style(folder / vector_file(self.painter.name), card, vector)
        except PictureError as error:
            raise StyleError(f"cannot write to your gallery in {self.folder}: {error}") from error
        return self.get(name)

    def own_painting(self, name: str) -> Path:
        """The folder of a style of the user's that is a painting with a vector.

        Raises:
            UsageError: there is no such style, it is built in, or it is a network.
            StyleError: it is damaged.
        """
        entry = self.get(name)
        if entry.builtin:
            raise UsageError(f"{name} is a built-in style", "only your own styles can learn")
        if entry.network is not None:
            raise UsageError(f"{name} is a network of its own", "only styles that were added from a painting can learn")
        return self.folder / name

    def picture(self, entry: Entry) -> Picture:
        """The painting: of a built-in style its thumbnail, of the user's what was stored."""
        return Picture.open(entry.picture.read_bytes())

    def add(
        self,
        name: str,
        painting: Source,
        *,
        title: str = "",
        artist: str = "",
        year: str = "",
        licence: str = "",
        vector: StyleVector | None = None,
        replace: bool = False,
    ) -> Entry:
        """Put a painting into the user's gallery under a name.

        Args:
            vector: for this gallery's engine, with or without changes of its network; None, what its encoder sees.
        Raises:
            UsageError: a name that is not made of lower-case letters, digits and hyphens, or is taken.
            PictureError: the painting cannot be read.
            StyleError: the folder cannot be written to.
        """
        self.check_free(name, replace=replace)
        picture = Picture.open(painting).at_most(KEPT_SIDE)
        if vector is None and self.painter.keeps_vectors:
            vector = self.painter.encode(picture.pixels)
        source = Path(painting).name if isinstance(painting, (str, os.PathLike)) else ""
        card = {
            "title": title or (Path(source).stem.replace("_", " ") if source else name),
            "artist": artist,
            "year": str(year),
            "licence": licence,
            "source": source,
            "added": date.today().isoformat(),
        }
        with self._new(name, replace) as part:
            _write_pictures(part, "picture", "thumbnail", picture)
            if vector is None:
                _write_json(part / "style.json", card)
            else:
                _write_style(part / vector_file(self.painter.name), self._encoded(card), vector)
        return self.get(name)

    def add_network(
        self,
        name: str,
        network: bytes,
        *,
        paintings: Sequence[Picture] = (),
        weights: bytes | None = None,
        replace: bool = False,
    ) -> list[Entry]:
        """Put a network into the user's gallery: a style for each of those it knows.

        Args:
            network: an .onnx file (see `impasto.network.Network`).
            paintings: of its styles, in their order; without them what it makes of a photo stands for it.
            weights: a .safetensors file with the same network's tensors, for later exports.
        Raises:
            UsageError: as `add`.
            StyleError: the file holds no network that paints, or the folder cannot be written to.
        """
        self.check_free(name, replace=replace)
        with self._new(name, replace) as part:
            (part / "network.onnx").write_bytes(network)
            loaded = Network(part / "network.onnx")
            if weights is not None:
                (part / "network.safetensors").write_bytes(weights)
            styles = loaded.facts.styles
            for index, style in enumerate(styles):
                if paintings:
                    shown = paintings[index].at_most(KEPT_SIDE)
                else:
                    photo = Picture.open(ASSETS / "samples" / "colosseum.jpg").resized(640, 427)
                    shares = [float(other == index) for other in range(len(styles))]
                    shown = Picture(loaded.paint(photo.pixels, shares))
                single = len(styles) == 1
                _write_pictures(part, *(("picture", "thumbnail") if single else (style, f"{style}-small")), shown)
            card = {
                "title": name,
                "licence": str((loaded.facts.card or {}).get("licence", "")),
                "added": date.today().isoformat(),
                "network": list(styles),
                "painting": bool(paintings),
            }
            _write_json(part / "style.json", card)
        return [entry for entry in self.entries() if entry.name.partition("/")[0] == name]

    def weights(self, name: str) -> Path:
        """The file with the tensors of a network in the user's gallery.

        Raises:
            UsageError: there is no such network.
            StyleError: it came without its tensors.
        """
        folder = self.folder / name
        if name not in self._own_names() or not (folder / "network.onnx").is_file():
            networks = [entry.name.partition("/")[0] for entry in self.entries() if entry.network is not None]
            hint = f"your networks are {', '.join(dict.fromkeys(networks))}" if networks else "you have none yet"
            raise UsageError(f"{name} is no network of yours", hint)
        path = folder / "network.safetensors"
        if not path.is_file():
            raise StyleError(f"{name} was imported as .onnx; its tensors are not there", str(folder / "network.onnx"))
        return path

    def check_free(self, name: str, *, replace: bool = False) -> None:
        """Raises UsageError unless a style of the user's may get this name."""
        check_name(name)
        if name in _builtin():
            raise UsageError(f"{name} is a built-in style", "choose another name")
        if name in self._own_names() and not replace:
            raise UsageError(
                f"you have a style {name} already", f"--overwrite replaces it, impasto styles remove {name} deletes it"
            )

    @contextmanager
    def _new(self, name: str, replace: bool) -> Iterator[Path]:
        """A folder to fill, which becomes the style's in one step."""
        part = self.folder / part_name(name)
        try:
            part.mkdir(parents=True)
            yield part
            if replace and (self.folder / name).exists():
                self.remove(name)
            part.rename(self.folder / name)
        except OSError as error:
            raise StyleError(f"cannot write to your gallery in {self.folder}: {error.strerror or error}") from error
        except PictureError as error:
            raise StyleError(f"cannot write to your gallery in {self.folder}: {error}") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def remove(self, name: str) -> None:
        """Delete a style of the user's, damaged or not."""
        if name in _builtin():
            raise UsageError(f"{name} is built in and stays", "only your own styles can be removed")
        if name not in self._own_names():
            raise self.unknown(name)
        away = self.folder / part_name(name)
        try:
            (self.folder / name).rename(away)  # first out of sight, so that a half-deleted style is never seen
            shutil.rmtree(away)
        except OSError as error:
            raise StyleError(f"cannot remove {name}: {error.strerror}") from error

    def _own_names(self) -> list[str]:
        try:
            return sorted(
                path.name for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(".")
            )
        except OSError:
            return []

    def _try_own(self, name: str) -> list[Entry] | StyleError:
        """A folder's styles: one, or those of a network."""
        folder = self.folder / name
        try:
            if not NAME.fullmatch(name):
                raise ValueError("its folder's name is no style's name")
            card = self._read_card(name)
            styles = card.get("network")
            if styles is None:
                for engine, encoder in _encoders(card).items():
                    if encoder == engine_of(engine).id and (folder / vector_file(engine)).is_file():
                        _read_vector(folder / vector_file(engine), engine)
                return [_entry(folder, card, "your own", name, "picture", "thumbnail", learned=_lessons(card))]
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
                    part=index,
                    **facts,
                )
                for index, style in enumerate(styles)
            ]
        except (OSError, ValueError, EOFError) as error:
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0][:100]
            return StyleError(
                f"your style {name} is damaged: {reason}", f"impasto styles remove {name}, then add it again"
            )

    def _read_card(self, name: str) -> dict[str, object]:
        card = json.loads((self.folder / name / "style.json").read_text(encoding="utf-8"))
        if not isinstance(card, dict):
            raise ValueError("style.json holds no object")
        return card


def _entry(
    folder: Path, card: Mapping[str, object], kind: str, name: str, picture: str, thumbnail: str, **facts: Any
) -> Entry:
    texts: dict[str, Any] = {key: str(card.get(key, "")) for key in ("title", "artist", "year", "licence", "source")}
    files: dict[str, Any] = {"picture": folder / f"{picture}.png", "thumbnail": folder / f"{thumbnail}.jpg"}
    for file in files.values():
        _there(file)
    return Entry(name, **texts, kind=kind, builtin=False, **files, **facts)


def _there(file: Path) -> None:
    if not file.is_file():
        raise ValueError(f"{file.name} is missing")


def as_name(text: str) -> str:
    """A text as a style's name: "My Painting_2" is my-painting-2.

    Raises:
        UsageError: nothing of it can be in a name.
    """
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_NAME].strip("-")
    if not name:
        raise UsageError(f"{text!r} gives no name", "--name my-style")
    check_name(name)
    return name


def check_name(name: str) -> None:
    """Raises UsageError unless `name` may be a style's: it is also a folder's name, on every system."""
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME or name in RESERVED:
        raise UsageError(
            f"{name!r} cannot be a style's name",
            f"lower-case letters, digits and hyphens, up to {LONGEST_NAME}: my-style",
        )


def user_folder(kind: str = "styles") -> Path:
    """Where the user's styles lie, or the trainings."""
    home = os.environ.get("IMPASTO_HOME")
    if home:
        return Path(home) / kind
    import platformdirs

    return platformdirs.user_data_path("impasto", appauthor=False) / kind


def _lessons(card: Mapping[str, object]) -> dict[str, dict[str, float]]:
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


def _encoders(card: Mapping[str, object]) -> dict[str, str]:
    """{engine: which of its encoders made the style's vector}; older cards know of the light engine only."""
    found = card.get("encoders", {"light": card["painter"]} if "painter" in card else {})
    if not isinstance(found, dict):
        raise ValueError("style.json names no engines")
    return {engine: str(value) for engine, value in found.items() if engine in ENGINES}


def _read_vector(path: Path, engine: str) -> StyleVector:
    vector = np.load(path, allow_pickle=False)
    taken = vector.ndim == 1 and engine_of(engine).takes(len(vector))
    if not taken or vector.dtype != np.float32 or not np.isfinite(vector).all():
        raise ValueError(f"{path.name} holds no style vector")
    return np.asarray(vector)


def _write_style(file: Path, card: Mapping[str, object], vector: StyleVector) -> None:
    buffer = io.BytesIO()
    np.save(buffer, vector)
    write_atomically(file, buffer.getvalue(), overwrite=True)
    _write_json(file.parent / "style.json", card)


def _write_json(path: Path, card: Mapping[str, object]) -> None:
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode(), overwrite=True)


def _write_pictures(folder: Path, name: str, thumbnail: str, picture: Picture) -> None:
    plain = Picture(picture.pixels)
    plain.save(folder / f"{name}.png")
    plain.at_most(320).save(folder / f"{thumbnail}.jpg", quality=85)


@functools.cache
def _builtin() -> dict[str, Entry]:
    entries = {}
    for name, card in builtin.cards().items():
        thumbnail = builtin.FOLDER / "thumbnails" / f"{name}.jpg"
        entries[name] = Entry(**card, builtin=True, picture=thumbnail, thumbnail=thumbnail)
    return entries

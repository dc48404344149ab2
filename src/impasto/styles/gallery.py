"""Named styles on disk: the built-in ones, and the user's own in the platform's data folder."""

from __future__ import annotations

import contextlib
import difflib
import functools
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from impasto.engines.base import StyleVector
from impasto.engines.by_name import engine_of
from impasto.engines.shipped import ShippedEngine
from impasto.errors import PictureError, StyleError, UsageError, write_fault
from impasto.picture import Picture, Source
from impasto.styles import builtin
from impasto.styles.store import (
    Entry,
    check_name,
    encoders,
    lessons,
    load_network,
    read_card,
    read_folder,
    read_vector,
    sample_photo,
    trial_photo,
    vector_file,
    write_json,
    write_pictures,
    write_style,
)
from impasto.styles.style import Style
from impasto.system.files import NoHome, part_name, user_folder

KEPT_SIDE = 1280  # a user's painting is kept at this size: a later painter computes its vector anew from it


class Gallery:
    """The built-in styles and the user's own.

    Args:
        folder: where the user's styles lie; the platform's data folder, or $IMPASTO_HOME, if not given.
        painter: whose vectors are wanted.

    >>> gallery = impasto.Gallery()
    >>> gallery.get("starry-night").artist
    'Vincent van Gogh'
    >>> entry = gallery.add("my-style", "painting.jpg")
    >>> "my-style" in gallery
    True
    """

    def __init__(self, folder: Path | None = None, painter: ShippedEngine | None = None) -> None:
        self._folder = folder
        self.painter = painter or engine_of()

    @functools.cached_property
    def folder(self) -> Path:
        """Where the user's styles lie.

        Raises:
            NoHome: they have no place, and IMPASTO_HOME gives them none: a user without a home folder.
        """
        return self._folder or user_folder()

    def names(self) -> list[str]:
        """Of all styles; those of a network of several are NETWORK/STYLE."""
        return [entry.name for entry in self.entries()]

    def entries(self) -> list[Entry]:
        """All usable styles, the built-in ones first; damaged ones of the user's are left out (see `problems`)."""
        found = (_entries(self.folder / name) for name in self._own_names())
        own = [entry for entries in found if isinstance(entries, list) for entry in entries]
        return [*_builtin().values(), *own]

    def problems(self) -> list[str]:
        """What is wrong with the user's styles, a line for each damaged one."""
        found = [_entries(self.folder / name) for name in self._own_names()]
        return [f"{problem.message}  ({problem.hint})" for problem in found if isinstance(problem, StyleError)]

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if name in _builtin():
            return True
        folder, slash, _ = name.partition("/")
        if folder not in self._own_names():
            return False
        found = _entries(self.folder / folder) if slash else []
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
        found = _entries(self.folder / folder)
        if isinstance(found, StyleError):
            raise found
        for entry in found:
            if entry.name == name:
                return entry
        names = ", ".join(entry.name for entry in found[:4])
        if name == folder:
            raise UsageError(f"{name} holds {len(found)} styles", names, code="several-styles")
        raise UsageError(f"{name} is no style", names, code="unknown-style")

    def state(self, name: str) -> str:
        """What changes whenever a style of the user's does; "" for a built-in one."""
        if name in _builtin():
            return ""
        try:
            found = sorted((file.name, file.stat()) for file in (self.folder / name.partition("/")[0]).iterdir())
        except OSError:
            return "gone"
        return " ".join(f"{file}:{facts.st_size}:{facts.st_mtime_ns}" for file, facts in found)

    def unknown(self, name: str) -> UsageError:
        near = difflib.get_close_matches(name.lower(), self.names(), n=2, cutoff=0.6)
        guess = f" Did you mean {' or '.join(near)}?" if near else ""
        return UsageError(f"{name} is no style.{guess}", "impasto styles lists them all", code="unknown-style")

    def style(self, name: str) -> Style:
        """The style of that name, and what paints it.

        Raises:
            UsageError, StyleError: as `get`.
        """
        entry = self.get(name)
        painting = self.picture(entry).pixels if entry.painting else None
        if entry.network is None:
            return Style(name, self.painter, self.vector(name), painting)
        network = load_network(entry.network, self.painter.budget)
        return Style(name, network, network.style(name.partition("/")[2] or None), painting)

    def vector(self, name: str) -> StyleVector:
        """The style's vector for this gallery's engine.

        It is computed anew from the stored picture where there is none, or another version's encoder made it.

        Raises:
            StyleError: the style is a network of its own and has none.
        """
        entry = self.get(name)
        if entry.network is not None:
            raise StyleError(f"{name} is a network and has no style vector", code="network-style")
        if not self.painter.keeps_vectors:
            return self.painter.encode(self.picture(entry).pixels)
        if entry.builtin:
            return builtin.vector(name, self.painter.name)
        kept = self._kept(name)
        if kept is not None:
            return kept
        if entry.engine == self.painter.name:
            raise StyleError(
                f"{name} was trained for another version of the engine {entry.engine}",
                "impasto train collection trains it again",
                code="other-version",
            )
        if entry.engine:
            warnings.warn(
                f"{name} was trained for --engine {entry.engine}; the engine {self.painter.name} paints what it reads "
                "off some of its paintings",
                stacklevel=2,
            )
        vector = self.painter.encode(self.picture(entry).pixels)
        kept = self._kept(name)  # it may have been learned meanwhile
        if kept is not None:
            return kept
        card = read_card(self.folder / name)
        learned = lessons(card)
        learned.pop(self.painter.name, None)  # by another version
        with contextlib.suppress(PictureError, OSError):  # a gallery that cannot be written to paints all the same
            file = self.folder / name / vector_file(self.painter.name)
            write_style(file, self._encoded(card) | {"learned": learned}, vector)
        return vector

    def _kept(self, name: str) -> StyleVector | None:
        """The vector that this engine's present encoder, or its learning, has left in a style's folder."""
        file = self.folder / name / vector_file(self.painter.name)
        if encoders(read_card(self.folder / name)).get(self.painter.name) != self.painter.id or not file.is_file():
            return None
        return read_vector(file, self.painter.name)

    def _encoded(self, card: Mapping[str, object]) -> dict[str, object]:
        """A style's card, with a vector of this gallery's engine."""
        rest = {key: value for key, value in card.items() if key != "painter"}
        return rest | {"encoders": encoders(card) | {self.painter.name: self.painter.id}}

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
        card = read_card(self.folder / name)
        taught = lessons(card) | {self.painter.name: dict(learned)}
        card = self._encoded(card) | {"learned": taught}
        try:
            write_style(folder / vector_file(self.painter.name), card, vector)
        except PictureError as error:
            raise StyleError(
                f"cannot write to your gallery in {self.folder}: {error}", "IMPASTO_HOME moves it", code=error.code
            ) from error
        return self.get(name)

    def own_painting(self, name: str) -> Path:
        """The folder of a style of the user's that is a painting with a vector.

        Raises:
            UsageError: there is no such style, it is built in, or it is a network.
            StyleError: it is damaged.
        """
        entry = self.get(name)
        if entry.builtin:
            raise UsageError(f"{name} is a built-in style", "only your own styles can learn", code="built-in")
        if entry.engine:
            raise UsageError(
                f"{name} was learned from a collection",
                "impasto train collection --resume goes on with that",
                code="network-style",
            )
        if entry.network is not None:
            raise UsageError(
                f"{name} is a network of its own",
                "only styles that were added from a painting can learn",
                code="network-style",
            )
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
        owner: str = "",
        vector: StyleVector | None = None,
        card: Mapping[str, object] | None = None,
        replace: bool = False,
    ) -> Entry:
        """Put a painting into the user's gallery under a name.

        Args:
            owner: see `Entry`.
            vector: for this gallery's engine, with or without changes of its network; None, what its encoder sees.
            card: how the vector was made.
        Raises:
            UsageError: a name that is not made of lower-case letters, digits and hyphens, or is taken.
            PictureError: the painting cannot be read.
            StyleError: the folder cannot be written to.
        """
        self.check_free(name, replace=replace)
        picture = Picture.open(painting).as_painting().at_most(KEPT_SIDE)
        if vector is None and self.painter.keeps_vectors:
            vector = self.painter.encode(picture.pixels)
        source = Path(painting).name if isinstance(painting, (str, os.PathLike)) else ""
        facts = {
            "title": title or (Path(source).stem.replace("_", " ") if source else name),
            "artist": artist,
            "year": str(year),
            "licence": licence,
            "source": source,
            "added": date.today().isoformat(),
            **({"owner": owner} if owner else {}),
            **({"card": dict(card)} if card else {}),
        }
        with self._new(name, replace) as part:
            write_pictures(part, "picture", "thumbnail", picture)
            if vector is None:
                write_json(part / "style.json", facts)
            else:
                write_style(part / vector_file(self.painter.name), self._encoded(facts), vector)
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
            network: an .onnx file (see `impasto.engines.network.Network`).
            paintings: of its styles, in their order; without them what it makes of a photo stands for it.
            weights: a .safetensors file with the same network's tensors, for later exports.
        Raises:
            UsageError: as `add`; one of several styles has a name that is none.
            StyleError: the file holds no network that paints, or the folder cannot be written to.
        """
        from impasto.engines.network import Network

        self.check_free(name, replace=replace)
        with self._new(name, replace) as part:
            (part / "network.onnx").write_bytes(network)
            loaded = Network(part / "network.onnx", trial_photo)
            if weights is not None:
                (part / "network.safetensors").write_bytes(weights)
            styles = loaded.facts.styles
            single = len(styles) == 1
            for index, style in enumerate(styles):
                if not single:
                    check_name(style)  # its pictures' files are called so
                if paintings:
                    shown = paintings[index].as_painting().at_most(KEPT_SIDE)
                else:
                    photo = sample_photo().resized(640, 427)
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # they would name a file that is gone soon
                        shown = Picture(loaded.paint(photo.pixels, loaded.style(style)))
                write_pictures(part, *(("picture", "thumbnail") if single else (style, f"{style}-small")), shown)
            card = {
                "title": name,
                "licence": str((loaded.facts.card or {}).get("licence", "")),
                "added": date.today().isoformat(),
                "network": list(styles),
                "painting": bool(paintings),
            }
            write_json(part / "style.json", card)
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
            raise UsageError(f"{name} is no network of yours", hint, code="unknown-style")
        path = folder / "network.safetensors"
        if not path.is_file():
            raise StyleError(
                f"{name} was imported as .onnx; its tensors are not there",
                str(folder / "network.onnx"),
                code="no-such-file",
            )
        return path

    def check_free(self, name: str, *, replace: bool = False) -> None:
        """Raises UsageError unless a style of the user's may get this name."""
        check_name(name)
        if name in _builtin():
            raise UsageError(f"{name} is a built-in style", "choose another name", code="built-in")
        if name in self._own_names() and not replace:
            raise UsageError(
                f"you have a style {name} already",
                f"--overwrite replaces it, impasto styles remove {name} deletes it",
                code="name-taken",
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
            if not replace:
                self.check_free(name)  # another process may have been faster
            raise StyleError(
                f"cannot write to your gallery in {self.folder}: {error.strerror or error}",
                "IMPASTO_HOME moves it",
                code=write_fault(error),
            ) from error
        except PictureError as error:
            raise StyleError(
                f"cannot write to your gallery in {self.folder}: {error}", "IMPASTO_HOME moves it", code=error.code
            ) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def rename(self, name: str, new_name: str | None = None, *, title: str | None = None) -> Entry:
        """Give a style of the user's another name, another title, or both.

        Raises:
            UsageError: it is built in, there is no such style, or the new name is none or is taken.
            StyleError: it is damaged, holds several styles, or its folder cannot be written to.
        """
        entry = self.get(name)
        if entry.builtin:
            raise UsageError(f"{name} is built in and stays", "only your own styles can be renamed", code="built-in")
        wanted = new_name or name
        if wanted != name:
            if "/" in name:
                raise UsageError(f"{name} is one of a network's styles", "rename the network", code="network-style")
            self.check_free(wanted)
        try:
            if title is not None and "/" not in name:
                write_json(self.folder / name / "style.json", read_card(self.folder / name) | {"title": title})
            if wanted != name:
                (self.folder / name).rename(self.folder / wanted)
        except (OSError, PictureError) as error:
            if wanted != name:
                self.check_free(wanted)  # another process may have been faster
            reason = getattr(error, "strerror", None) or error
            code = write_fault(error) if isinstance(error, OSError) else error.code
            raise StyleError(f"cannot rename {name}: {reason}", "IMPASTO_HOME moves your gallery", code=code) from error
        return self.get(wanted)

    def remove(self, name: str) -> None:
        """Delete a style of the user's, damaged or not."""
        if name in _builtin():
            raise UsageError(f"{name} is built in and stays", "only your own styles can be removed", code="built-in")
        if name not in self._own_names():
            raise self.unknown(name)
        away = self.folder / part_name(name)
        try:
            (self.folder / name).rename(away)  # first out of sight, so that a half-deleted style is never seen
            shutil.rmtree(away)
        except OSError as error:
            raise StyleError(f"cannot remove {name}: {error.strerror}", code=write_fault(error)) from error

    def _own_names(self) -> list[str]:
        try:
            return sorted(
                path.name for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(".")
            )
        except (OSError, NoHome):
            return []


@functools.cache
def _builtin() -> dict[str, Entry]:
    entries = {}
    for name, card in builtin.cards().items():
        thumbnail = builtin.FOLDER / "thumbnails" / f"{name}.jpg"
        entries[name] = Entry(**card, builtin=True, picture=thumbnail, thumbnail=thumbnail)
    return entries


def _entries(folder: Path) -> list[Entry] | StyleError:
    """A folder's styles, or what is wrong with it."""
    try:
        return read_folder(folder)
    except StyleError as error:
        return error

"""Named styles: the built-in ones, and the user's own in the platform's data folder."""

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
    as_name,
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

KEPT_SIDE = 1280  # longer side of a stored painting, from which later versions recompute its vector


class Gallery:
    """Manage the built-in styles and the user's own.

    Args:
        folder: the folder of the user's styles; default: $IMPASTO_HOME/styles, else the platform's data folder.
        painter: the engine whose vectors `vector` and `style` return; default: the painter.

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
        """The folder of the user's styles.

        Raises:
            NoHome: the user has no home folder, and IMPASTO_HOME is not set.
        """
        return self._folder or user_folder()

    def names(self) -> list[str]:
        """Return the names of all styles. Styles of a network with several are called NETWORK/STYLE."""
        return [entry.name for entry in self.entries()]

    def entries(self) -> list[Entry]:
        """Return all usable styles, the built-in ones first. Damaged ones are left out (see `problems`)."""
        found = (_entries(self.folder / name) for name in self._own_names())
        own = [entry for entries in found if isinstance(entries, list) for entry in entries]
        return [*_builtin().values(), *own]

    def problems(self) -> list[str]:
        """Return one line for each damaged style of the user."""
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
        """Return the style with this name.

        Raises:
            UsageError: there is none. The message suggests similar names.
            StyleError: the user's style is damaged.
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
            raise UsageError(
                f"{name} contains {len(found)} styles", f"choose one, such as {names}", code="several-styles"
            )
        raise UsageError(f"unknown style '{name}'", f"choose one, such as {names}", code="unknown-style")

    def state(self, name: str) -> str:
        """Return a text that changes whenever a style of the user changes; "" for a built-in one."""
        if name in _builtin():
            return ""
        try:
            found = sorted((file.name, file.stat()) for file in (self.folder / name.partition("/")[0]).iterdir())
        except OSError:
            return "gone"
        return " ".join(f"{file}:{facts.st_size}:{facts.st_mtime_ns}" for file, facts in found)

    def unknown(self, name: str) -> UsageError:
        near = difflib.get_close_matches(name.lower(), self.names(), n=2, cutoff=0.6)
        guess = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        return UsageError(f"unknown style '{name}'{guess}", "list all: impasto styles", code="unknown-style")

    def style(self, name: str) -> Style:
        """Return the style with this name, and the engine that paints it.

        Raises:
            UsageError, StyleError: as for `get`.
        """
        entry = self.get(name)
        painting = self.picture(entry).pixels if entry.painting else None
        if entry.network is None:
            return Style(name, self.painter, self.vector(name), painting)
        network = load_network(entry.network, self.painter.budget)
        return Style(name, network, network.style(name.partition("/")[2] or None), painting)

    def vector(self, name: str) -> StyleVector:
        """Return the style's vector for this gallery's engine.

        If there is no stored vector, or another version's encoder made it, it is computed from the stored picture.

        Raises:
            StyleError: the style is a network and has no vector, or a collection that was trained for another version.
        """
        entry = self.get(name)
        if entry.network is not None:
            raise StyleError(f"{name} is a network, which has no style vector", code="network-style")
        if not self.painter.keeps_vectors:
            return self.painter.encode(self.picture(entry).pixels)
        if entry.builtin:
            return builtin.vector(name, self.painter.name)
        kept = self._kept(name)
        if kept is not None:
            return kept
        if entry.engine == self.painter.name:
            raise StyleError(
                f"{name} was trained for another version of the {entry.engine} engine",
                "train it again: impasto train collection",
                code="other-version",
            )
        if entry.engine:
            warnings.warn(
                f"{name} was trained for --engine {entry.engine}; the {self.painter.name} engine uses only some of its "
                "paintings",
                stacklevel=2,
            )
        vector = self.painter.encode(self.picture(entry).pixels)
        kept = self._kept(name)  # another process may have learned it meanwhile
        if kept is not None:
            return kept
        card = read_card(self.folder / name)
        learned = lessons(card)
        learned.pop(self.painter.name, None)  # learned by another version
        with contextlib.suppress(PictureError, OSError):  # a read-only gallery still paints
            file = self.folder / name / vector_file(self.painter.name)
            write_style(file, self._encoded(card) | {"learned": learned}, vector)
        return vector

    def _kept(self, name: str) -> StyleVector | None:
        """Return the vector that this engine's current encoder, or its learning, has stored in a style's folder."""
        file = self.folder / name / vector_file(self.painter.name)
        if encoders(read_card(self.folder / name)).get(self.painter.name) != self.painter.id or not file.is_file():
            return None
        return read_vector(file, self.painter.name)

    def _encoded(self, card: Mapping[str, object]) -> dict[str, object]:
        """Return a style's card with the encoder of this gallery's engine."""
        rest = {key: value for key, value in card.items() if key != "painter"}
        return rest | {"encoders": encoders(card) | {self.painter.name: self.painter.id}}

    def teach(self, name: str, vector: StyleVector, learned: Mapping[str, float]) -> Entry:
        """Store the vector that was learned from the painting of a user's style.

        Args:
            vector: its numbers, followed by the changes of the painter's filters.
            learned: the duration and the result of learning: see `Entry`.
        Raises:
            UsageError: the style is not the user's own, or is a network.
            StyleError: the style is damaged or gone, or its folder cannot be written to.
        """
        folder = self.own_painting(name)
        card = read_card(self.folder / name)
        taught = lessons(card) | {self.painter.name: dict(learned)}
        card = self._encoded(card) | {"learned": taught}
        try:
            write_style(folder / vector_file(self.painter.name), card, vector)
        except PictureError as error:
            raise StyleError(
                f"cannot write to your gallery in {self.folder}: {error}",
                "set IMPASTO_HOME to another folder",
                code=error.code,
            ) from error
        return self.get(name)

    def own_painting(self, name: str) -> Path:
        """Return the folder of a user's style that is a painting with a vector.

        Raises:
            UsageError: there is no such style, it is built in, or it is a network.
            StyleError: the style is damaged.
        """
        entry = self.get(name)
        if entry.builtin:
            raise UsageError(f"{name} is a built-in style", "only your own styles can learn", code="built-in")
        if entry.engine:
            raise UsageError(
                f"{name} was learned from a collection",
                "continue with impasto train collection --resume",
                code="network-style",
            )
        if entry.network is not None:
            raise UsageError(
                f"{name} is a network",
                "only styles that you added from a painting can learn",
                code="network-style",
            )
        return self.folder / name

    def picture(self, entry: Entry) -> Picture:
        """Return the painting: of a built-in style its thumbnail, of a user's style the stored picture."""
        return Picture.open(entry.picture.read_bytes())

    def add(
        self,
        name: str,
        painting: Source,
        *,
        title: str = "",
        artist: str = "",
        year: str = "",
        license: str = "",
        owner: str = "",
        vector: StyleVector | None = None,
        card: Mapping[str, object] | None = None,
        replace: bool = False,
    ) -> Entry:
        """Add a painting to the user's gallery under a name.

        Args:
            owner: see `Entry`.
            vector: for this gallery's engine, with or without changes of its network; None, the encoder's vector.
            card: how the vector was made.
            replace: replace a style of the same name.
        Raises:
            UsageError: the name is taken, or does not consist of lower-case letters, digits and hyphens.
            PictureError: the painting cannot be read.
            StyleError: the folder cannot be written to.
        """
        self.check_free(name, replace=replace)
        picture = Picture.open(painting).as_painting().at_most(KEPT_SIDE)
        if vector is None and self.painter.keeps_vectors:
            vector = self.painter.encode(picture.pixels)
        source = Path(painting).name if isinstance(painting, (str, os.PathLike)) else ""
        facts = {
            "title": title or _title(source, name),
            "artist": artist,
            "year": str(year),
            "license": license,
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
        """Add a network to the user's gallery, with a style for each one that it knows.

        Args:
            network: an .onnx file (see `impasto.engines.network.Network`).
            paintings: the paintings of its styles, in their order. Without them, a photo that the network paints stands
                for each.
            weights: a .safetensors file with the same network's tensors, for later exports.
            replace: replace a style of the same name.
        Raises:
            UsageError: as for `add`, or one of several styles has an invalid name.
            StyleError: the file does not contain a network that paints, or the folder cannot be written to.
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
                    check_name(style)  # its pictures' files get this name
                if paintings:
                    shown = paintings[index].as_painting().at_most(KEPT_SIDE)
                else:
                    photo = sample_photo().resized(640, 427)
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # warnings would name a temporary file
                        shown = Picture(loaded.paint(photo.pixels, loaded.style(style)))
                write_pictures(part, *(("picture", "thumbnail") if single else (style, f"{style}-small")), shown)
            card = {
                "title": name,
                "license": str((loaded.facts.card or {}).get("license", "")),
                "added": date.today().isoformat(),
                "network": list(styles),
                "painting": bool(paintings),
            }
            write_json(part / "style.json", card)
        return [entry for entry in self.entries() if entry.name.partition("/")[0] == name]

    def weights(self, name: str) -> Path:
        """Return the file with the tensors of a network in the user's gallery.

        Raises:
            UsageError: there is no such network.
            StyleError: the network was imported without its tensors.
        """
        folder = self.folder / name
        if name not in self._own_names() or not (folder / "network.onnx").is_file():
            networks = [entry.name.partition("/")[0] for entry in self.entries() if entry.network is not None]
            hint = f"your networks: {', '.join(dict.fromkeys(networks))}" if networks else "you have no networks yet"
            raise UsageError(f"you have no network '{name}'", hint, code="unknown-style")
        path = folder / "network.safetensors"
        if not path.is_file():
            raise StyleError(
                f"{name} was imported as .onnx, without its tensors",
                str(folder / "network.onnx"),
                code="no-such-file",
            )
        return path

    def check_free(self, name: str, *, replace: bool = False) -> None:
        """Check that a style of the user may get this name.

        Raises:
            UsageError: the name is invalid, taken, or that of a built-in style.
        """
        check_name(name)
        if name in _builtin():
            raise UsageError(f"{name} is a built-in style", "choose another name", code="built-in")
        if name in self._own_names() and not replace:
            raise UsageError(
                f"you already have a style {name}",
                "choose another name, or replace it with --overwrite",
                code="name-taken",
            )

    @contextmanager
    def _new(self, name: str, replace: bool) -> Iterator[Path]:
        """Yield a folder to fill, which becomes the style's folder in one step."""
        part = self.folder / part_name(name)
        try:
            part.mkdir(parents=True)
            yield part
            if replace and (self.folder / name).exists():
                self.remove(name)
            part.rename(self.folder / name)
        except OSError as error:
            if not replace:
                self.check_free(name)  # another process may have taken the name
            raise StyleError(
                f"cannot write to your gallery in {self.folder}: {error.strerror or error}",
                "set IMPASTO_HOME to another folder",
                code=write_fault(error),
            ) from error
        except PictureError as error:
            raise StyleError(
                f"cannot write to your gallery in {self.folder}: {error}",
                "set IMPASTO_HOME to another folder",
                code=error.code,
            ) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def rename(self, name: str, new_name: str | None = None, *, title: str | None = None) -> Entry:
        """Give a style of the user another name, another title, or both.

        Raises:
            UsageError: the style is built in or unknown, or the new name is invalid or taken.
            StyleError: the style is damaged, contains several styles, or its folder cannot be written to.
        """
        entry = self.get(name)
        if entry.builtin:
            raise UsageError(f"{name} is a built-in style", "only your own styles can be renamed", code="built-in")
        wanted = new_name or name
        if wanted != name:
            if "/" in name:
                raise UsageError(
                    f"{name} is one of several styles of a network", "rename the network", code="network-style"
                )
            self.check_free(wanted)
        try:
            if title is not None and "/" not in name:
                write_json(self.folder / name / "style.json", read_card(self.folder / name) | {"title": title})
            if wanted != name:
                (self.folder / name).rename(self.folder / wanted)
        except (OSError, PictureError) as error:
            if wanted != name:
                self.check_free(wanted)  # another process may have taken the name
            reason = getattr(error, "strerror", None) or error
            code = write_fault(error) if isinstance(error, OSError) else error.code
            raise StyleError(
                f"cannot rename {name}: {reason}", "set IMPASTO_HOME to another folder", code=code
            ) from error
        return self.get(wanted)

    def remove(self, name: str) -> None:
        """Delete a style of the user, even a damaged one.

        Raises:
            UsageError: the style is built in or unknown.
            StyleError: the system refuses.
        """
        if name in _builtin():
            raise UsageError(f"{name} is a built-in style", "only your own styles can be removed", code="built-in")
        if name not in self._own_names():
            raise self.unknown(name)
        away = self.folder / part_name(name)
        try:
            (self.folder / name).rename(away)  # rename first, so that no half-deleted style is visible
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
    """Return a folder's styles, or the error if it is damaged."""
    try:
        return read_folder(folder)
    except StyleError as error:
        return error


def _title(file: str, name: str) -> str:
    """Return the title of a style that was given none: its file's name if that is the style's, too; else the name."""
    stem = Path(file).stem
    with contextlib.suppress(UsageError):  # the file's name contains no valid characters
        if as_name(stem) == name:
            return stem.replace("_", " ")
    return name

"""Write a glTF model with replaced pictures. The rest of its files stays the same, byte for byte."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from impasto.errors import UsageError
from impasto.system.names import beginning
from impasto.textures.gltf_file import BIN, MESHOPT, GltfFile, glb, image_suffix, is_data, is_file, whole
from impasto.textures.json_text import Path as Place
from impasto.textures.json_text import changed
from impasto.textures.writing import check_apart, new_name

_MIMES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".avif": "image/avif"}

_STEM = 120  # bytes of a name, before its label and number
_STEP = 8  # data after a changed picture move by a multiple of this; no number type needs a larger alignment
_BYTES = "application/octet-stream"


class Edits:
    """The changes of a file, and the new files that result from them.

    Args:
        target: the new model.
        label: for the names of new files beside it.
    Raises:
        UsageError: the target has another extension than the model.
    """

    def __init__(self, file: GltfFile, target: Path, label: str) -> None:
        if target.suffix.lower() != file.path.suffix.lower():
            raise UsageError(
                f"{target} has another extension than the model {file.path.name}",
                f"-o NAME{file.path.suffix}",
                code="unknown-format",
            )
        self._file, self._target, self._label = file, target, label
        self._changes: dict[Place, Any] = {}
        self._added: dict[str, list[dict[str, Any]]] = {}
        self._views: dict[int, bytes] = {}  # views whose bytes are replaced in place
        self._appended: dict[int, list[tuple[int, bytes]]] = {}  # for each buffer: added views and their bytes
        self._beside: dict[Path, bytes] = {}
        self._moved: dict[str, dict[str, Any]] = {}  # old place of a picture's bytes: the new one

    def change(self, place: Place, value: Any) -> None:
        """Set an existing value, or add a key to an existing object."""
        self._changes[place] = value

    def add(self, name: str, value: dict[str, Any]) -> int:
        """Add an item to one of the file's lists; return its number."""
        self._added.setdefault(name, []).append(value)
        return len(self._file.items(name)) + len(self._added[name]) - 1

    def add_data(self, data: bytes, **keys: object) -> int:
        """Add bytes; return their buffer view's number. `keys` are additional keys of the view."""
        buffers = self._file.items("buffers")
        in_chunk = self._file.binary and (not buffers or "uri" not in buffers[0])
        return self._append(data, 0 if in_chunk else len(buffers), keys)

    def replace_images(self, images: Mapping[int, bytes], slots: Sequence[tuple[Place, int]]) -> None:
        """Replace the bytes of pictures. Copy pictures that other places show, too, and let `slots` show the copies.

        Args:
            images: {number: bytes}.
            slots: place and texture of all materials that are to show the new pictures.
        """
        kept = self._shown_elsewhere({place for place, _ in slots})
        copied = {image for image in images if image in kept}
        for image, data in images.items():
            if image not in copied:
                self._replace(image, data, set(images) - copied)
        copies = {image: self._copy(image, images[image]) for image in sorted(copied)}
        made: dict[int, int] = {}
        for place, texture in slots:
            one = self._file.item("textures", texture)
            if any(image in copies for image in _images_of(one)):
                if texture not in made:
                    made[texture] = self.add("textures", _pointed(one, copies))
                self.change((*place, "index"), made[texture])

    def files(self) -> dict[Path, bytes]:
        """Return all new files, the model's own first.

        Raises:
            UsageError: one of them is a file of the model that is read.
        """
        chunks = self._chunks()
        self._carry()
        text = self._text()
        found = {self._target: glb(text, chunks) if self._file.binary else text.encode(), **self._beside}
        check_apart(found, self._file.sources)
        return found

    def file(self) -> GltfFile:
        """Return the changed file in memory. It must not have new files beside it."""
        chunks, text = self._chunks(), self._text()
        return replace(self._file, text=text, root=json.loads(text), chunks=chunks)

    def _chunks(self) -> list[tuple[int, bytes]]:
        """Store the changed buffers; return the chunks after a .glb's JSON."""
        chunks, known = list(self._file.chunks), self._file.items("buffers")
        for index, data in self._buffers().items():
            said: dict[str, Any] = {"byteLength": len(data)}
            uri = known[index].get("uri") if index < len(known) else f"data:{_BYTES}"
            if uri is None or (index == 0 and not known and self._file.binary):
                chunks = [(BIN, data), *((kind, old) for kind, old in chunks if kind != BIN)]
            elif is_data(uri):
                said["uri"] = _data_uri(uri, data)
            else:
                said["uri"] = self._write_beside(self._file.path_of(uri).stem, ".bin", data)
            if index < len(known):
                self._changes |= {("buffers", index, key): value for key, value in said.items()}
            else:
                self.add("buffers", said)
        return chunks

    def _text(self) -> str:
        for name, values in self._added.items():
            if name in self._file.root:
                start = len(self._file.items(name))
                self._changes |= {(name, start + index): value for index, value in enumerate(values)}
            else:
                self._changes[(name,)] = values
        return changed(self._file.text, self._changes)

    def _uris(self) -> Iterator[tuple[str, int, str]]:
        """Yield every URI of buffers and images: the list, the number, the URI."""
        for name in ("buffers", "images"):
            for index, one in enumerate(self._file.items(name)):
                if "uri" in one:
                    yield name, index, one["uri"]

    def _shown_elsewhere(self, painted: set[Place]) -> set[int]:
        """Return pictures that materials also show in places that are not painted."""
        found = set[int]()
        for index, material in enumerate(self._file.items("materials")):
            for place, texture in _named_textures(material, ("materials", index)):
                if place not in painted:
                    found |= set(_images_of(self._file.item("textures", texture)))
        return found

    def _replace(self, index: int, data: bytes, replaced: set[int]) -> None:
        image = self._file.item("images", index)
        if "uri" not in image and self._alone(image["bufferView"], replaced):
            self._views[image["bufferView"]] = data
            said = self._said(index, data, {})
        else:
            said = self._said(index, data, self._placed(index, data))
        for key, value in said.items():
            self.change(("images", index, key), value)

    def _copy(self, index: int, data: bytes) -> int:
        image = self._file.item("images", index)
        return self.add("images", {**image, **self._said(index, data, self._placed(index, data))})

    def _said(self, index: int, data: bytes, where: dict[str, Any]) -> dict[str, Any]:
        """Return the changed keys of a picture: its place, and its MIME type if the format changes."""
        if image_suffix(self._file.image(index)) or "mimeType" not in self._file.item("images", index):
            return where
        return where | {"mimeType": _MIMES[image_suffix(data) or ".png"]}

    def _placed(self, index: int, data: bytes) -> dict[str, Any]:
        """Store a picture's bytes, once for all pictures that shared the old bytes; return their place."""
        place, image = self._file.place_of(index), self._file.item("images", index)
        known = image_suffix(self._file.image(index))
        if place not in self._moved:
            if "uri" not in image:
                view = self._file.item("bufferViews", image["bufferView"])
                said = {key: value for key, value in view.items() if key == "name"}
                self._moved[place] = {"bufferView": self._append(data, whole(view["buffer"]), said)}
            elif is_data(image["uri"]):
                self._moved[place] = {"uri": _data_uri(image["uri"] if known else f"data:{_MIMES['.png']}", data)}
            else:
                source = self._file.path_of(image["uri"])
                suffix = source.suffix if known else ".png"
                self._moved[place] = {"uri": self._write_beside(source.stem, suffix, data)}
        return self._moved[place]

    def _write_beside(self, stem: str, suffix: str, data: bytes) -> str:
        """Add a new file beside the model; return its URI."""
        taken = [self._target, *self._beside, *self._kept().values(), *self._file.sources]
        path = new_name(self._target.parent, beginning(stem, _STEM), self._label, suffix, taken)
        self._beside[path] = data
        return quote(path.name)

    def _append(self, data: bytes, buffer: int, said: Mapping[str, object]) -> int:
        view = self.add("bufferViews", {"buffer": buffer, "byteOffset": 0, "byteLength": len(data), **said})
        self._appended.setdefault(buffer, []).append((view, data))
        return view

    def _alone(self, view: int, replaced: set[int]) -> bool:
        """Return True if a view's bytes contain only pictures that are replaced."""
        mine = self._file.item("bufferViews", view)
        start, stop = _reach(mine)
        for index, image in enumerate(self._file.items("images")):
            if image.get("bufferView") == view and index not in replaced:
                return False
        if any(one.get("bufferView") == view for one in self._file.items("accessors")):
            return False
        for index, part in _parts(self._file.items("bufferViews")):
            if index != view and part["buffer"] == mine["buffer"]:
                first, last = _reach(part)
                if first < stop and start < last:
                    return False
        return True

    def _buffers(self) -> dict[int, bytes]:
        """Return the changed buffers."""
        views, found = self._file.items("bufferViews"), dict[int, bytes]()
        buffers = {whole(views[index]["buffer"]) for index in self._views} | set(self._appended)
        for buffer in sorted(buffers):
            old = b""
            if buffer < len(self._file.items("buffers")):
                old = self._file.buffer(buffer)[: whole(self._file.item("buffers", buffer)["byteLength"])]
            data = self._spliced(buffer, old)
            for number, new in self._appended.get(buffer, []):
                data += bytes(-len(data) % _STEP)
                self._added["bufferViews"][number - len(views)]["byteOffset"] = len(data)
                data += new
            found[buffer] = bytes(data)
        return found

    def _spliced(self, buffer: int, old: bytes) -> bytearray:
        """Replace bytes of views in a buffer. Later data move."""
        views = self._file.items("bufferViews")
        mine = sorted((_reach(views[view]), view) for view in self._views if views[view]["buffer"] == buffer)
        data, at, moves = bytearray(), 0, list[tuple[int, int]]()
        for (start, stop), view in mine:
            new = self._views[view]
            longer = -(-(len(new) - (stop - start)) // _STEP) * _STEP
            data += old[at:start] + new + bytes(stop - start + longer - len(new))
            moves.append((stop, longer))
            self.change(("bufferViews", view, "byteLength"), len(new))
            at = stop
        data += old[at:]
        for index, part in _parts(views):
            start = part.get("byteOffset", 0)
            by = sum(longer for stop, longer in moves if start >= stop)
            if by and part["buffer"] == buffer:
                name = next((name for name in MESHOPT if views[index].get("extensions", {}).get(name) is part), None)
                place: Place = ("bufferViews", index) if name is None else ("bufferViews", index, "extensions", name)
                self.change((*place, "byteOffset"), start + by)
        return data

    def _kept(self) -> dict[tuple[str, int], Path]:
        """Return the new places of unchanged files, if the model moves to another folder."""
        folder = self._target.parent
        if self._file.path.parent.resolve() == folder.resolve():
            return {}
        found: dict[tuple[str, int], Path] = {}
        sources: dict[Path, Path] = {self._target: self._file.path}
        for name, index, uri in self._uris():
            if not is_file(uri) or (name, index, "uri") in self._changes:
                continue
            source, path = self._file.path_of(uri), Path(unquote(uri))
            place = folder / path if not path.is_absolute() and ".." not in path.parts else folder / source.name
            number = 1
            while sources.get(place, source) != source:
                number += 1
                place = folder / f"{beginning(source.stem, _STEM)}-{number}{source.suffix}"
            sources[place] = source
            found[name, index] = place
        return found

    def _carry(self) -> None:
        """Copy the unchanged files, unless equal ones exist already."""
        for (name, index), path in self._kept().items():
            uri = self._file.items(name)[index]["uri"]
            if path != self._target.parent / unquote(uri):
                self.change((name, index, "uri"), quote(path.name))
            data = self._file.at(uri)
            if not (path.is_file() and path.read_bytes() == data):
                self._beside[path] = data


def _reach(view: dict[str, Any]) -> tuple[int, int]:
    start = whole(view.get("byteOffset", 0))
    return start, start + whole(view["byteLength"])


def _parts(views: Iterable[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield everything that gives the place of a view's bytes: the view, and extensions that compress it."""
    for index, view in enumerate(views):
        yield index, view
        for name in MESHOPT:
            if name in view.get("extensions", {}):
                yield index, view["extensions"][name]


def _data_uri(old: str, data: bytes) -> str:
    """Return a data URI with other data and the head of an old one."""
    head = old.partition(",")[0]
    head = head if head.lower().endswith(";base64") else f"{head};base64"
    return f"{head},{base64.b64encode(data).decode()}"


def _named_textures(value: Any, place: Place) -> Iterator[tuple[Place, int]]:
    """Yield every place below a material that names a texture."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in members:
        if isinstance(one, dict) and isinstance(one.get("index"), int) and str(key).lower().endswith("texture"):
            yield (*place, key), one["index"]
        yield from _named_textures(one, (*place, key))


def _images_of(texture: dict[str, Any]) -> list[int]:
    """Return all pictures of a texture, including those for other programs."""
    extensions = [one for one in texture.get("extensions", {}).values() if isinstance(one, dict)]
    return [one["source"] for one in (texture, *extensions) if isinstance(one.get("source"), int)]


def _pointed(texture: dict[str, Any], copies: Mapping[int, int]) -> dict[str, Any]:
    """Return a texture with other pictures."""

    def moved(one: Any) -> Any:
        return {**one, "source": copies.get(one["source"], one["source"])} if "source" in one else one

    found: dict[str, Any] = moved(texture)
    if "extensions" in found:
        found["extensions"] = {name: moved(one) for name, one in found["extensions"].items()}
    return found

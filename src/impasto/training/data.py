"""Photographs to train on: any folder tree, a remote one, or tar shards; crops that depend on nothing but their number.

Which crop of which picture is at which position of the training follows from the seed and the position alone. So a
training that is stopped goes on exactly, and several processes share one order by taking every n-th position.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from impasto.errors import ImpastoError, PictureError, TrainingError
from impasto.nn.tensors import to_tensor
from impasto.picture import Picture
from impasto.picture.formats import SUFFIXES
from impasto.picture.reading import size_of
from impasto.pixels.arrays import resize
from impasto.system.files import write_atomically
from impasto.system.listing import is_junk
from impasto.system.remote import filesystem, is_url

T = TypeVar("T")

SMALLEST = 64  # pixels of the shorter side below which a photograph is left out
_HEAD = 1 << 18  # bytes in which most files say their size
_TRIES = 16  # of damaged pictures in a row, before giving up
_SMALLEST_SHARE = 0.25  # of a photograph's area that a crop shows


@dataclass(frozen=True)
class Item:
    """Where one photograph's bytes are: a file, or a stretch of a tar file.

    `name` is what it is called inside its folder or tar file, without the suffix.
    """

    path: str
    offset: int = 0
    size: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Photos:
    """What was found in a folder.

    Attributes:
        items: usable photographs, in an order that does not depend on the file system.
        damaged, tiny: how many were left out, and why.
    """

    items: tuple[Item, ...]
    damaged: int = 0
    tiny: int = 0

    def spread(self, most: int) -> list[Item]:
        """Some of them, evenly spread."""
        return [self.items[int(i)] for i in np.linspace(0, len(self.items) - 1, min(most, len(self.items)))]

    @property
    def digest(self) -> str:
        """Tells one set of photographs from another, wherever the folder lies."""
        names = "\n".join(f"{Path(item.path).name}:{item.offset}" for item in self.items)
        return hashlib.sha256(names.encode()).hexdigest()[:16]


def find_photos(folder: str | Path, cache: Path | None = None, *, noun: str = "photographs") -> Photos:
    """All photographs below a folder, hidden ones left out.

    Each file's head is read once; what was found is kept in `cache` and read anew for files that have changed.

    Args:
        folder: a folder, a tar file, a folder of tar files (WebDataset shards), or the same behind any URL that
            fsspec reads: s3://, gs://, memory://.
        cache: a JSON file.
        noun: what they are called in messages.
    Raises:
        PictureError: there is no such folder, or no usable photograph in it.
    """
    candidates = [
        item for path, size, changed in _files(str(folder)) for item in _inside(path, size, changed, str(folder))
    ]
    known = _read_cache(cache)
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda found: known.get(found[1]) or _state(found[0]), candidates))
    if cache is not None:
        text = json.dumps({key: state for (_, key), state in zip(candidates, states, strict=True)})
        write_atomically(cache, text.encode(), overwrite=True)
    items = tuple(item for (item, _), state in zip(candidates, states, strict=True) if state == "good")
    if not items:
        left_out = f"; {len(candidates)} files are damaged or below {SMALLEST} pixels" if candidates else ""
        raise PictureError(
            f"there are no {noun} in {folder}{left_out}", "JPEG, PNG, WebP ... or tar shards", code="no-pictures"
        )
    return Photos(items, states.count("damaged"), states.count("tiny"))


def _files(folder: str) -> Iterator[tuple[str, int, str]]:
    """Path, size and last change of every picture and tar file, in order."""
    if is_url(folder):
        system, root = filesystem(folder)
        protocol = folder.partition("://")[0]
        try:
            found = system.find(root, detail=True)
        except OSError as error:
            raise PictureError(f"{folder} cannot be read: {error}", code="not-readable") from error
        inside = {path[len(root) :].strip("/"): path for path in found}
        for relative in sorted(inside):
            path = inside[relative]
            if _wanted(path) and not any(map(is_junk, relative.split("/"))):
                facts = found[path]
                changed = str(facts.get("mtime") or facts.get("LastModified") or facts.get("ETag") or "")
                yield f"{protocol}://{path}", int(facts.get("size") or 0), changed
        return
    base = Path(folder)
    if not base.exists():
        raise PictureError(f"there is no folder {folder}", code="no-such-folder")
    if base.is_file():
        paths = [base]
    else:
        paths = []
        for parent, folders, names in os.walk(base):
            folders[:] = [name for name in folders if not is_junk(name)]
            paths += [Path(parent, name) for name in names if _wanted(name) and not is_junk(name)]
        paths.sort(key=lambda path: path.relative_to(base).as_posix())
    for file in paths:
        facts = file.stat()
        yield str(file), facts.st_size, str(facts.st_mtime_ns)


def _wanted(path: str) -> bool:
    suffix = Path(path).suffix.lower()
    return suffix in SUFFIXES or suffix == ".tar"


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not is_junk(path.name)


def _inside(path: str, size: int, changed: str, folder: str) -> Iterator[tuple[Item, str]]:
    """A picture, or the pictures of a tar file, each with what it is remembered by."""
    if not path.lower().endswith(".tar"):
        inside = Path(path).as_posix().removeprefix(Path(folder).as_posix()).lstrip("/") or Path(path).name
        yield Item(path, name=str(PurePosixPath(inside).with_suffix(""))), f"{path}:{size}:{changed}"
        return
    try:
        with _open(path) as file, tarfile.open(fileobj=file, mode="r:") as shard:
            members = [member for member in shard if member.isfile() and _is_picture(member.name)]
    except (tarfile.TarError, OSError) as error:
        raise PictureError(f"{path} is no tar file that can be read", code="damaged-file") from error
    for member in sorted(members, key=lambda member: member.name):
        key = f"{path}:{size}:{changed}:{member.offset_data}"
        name = str(PurePosixPath(member.name).with_suffix(""))
        yield Item(path, member.offset_data, member.size, name), key


def _open(path: str) -> IO[bytes]:
    if is_url(path):
        system, inside = filesystem(path)
        return cast(IO[bytes], system.open(inside, "rb"))
    return open(path, "rb")


def read(item: Item, most: int | None = None) -> bytes:
    """A photograph's bytes, or the first `most` of them."""
    with _open(item.path) as file:
        file.seek(item.offset)
        return file.read(min((count for count in (item.size, most) if count is not None), default=-1))


def read_each(items: Iterable[Item], opened: Callable[[Item], T]) -> Iterator[T]:
    """What is made of each photograph; those that cannot be read, though their heads were good, are left out."""
    for item in items:
        try:
            yield opened(item)
        except (ImpastoError, OSError):
            continue


def read_some(photos: Photos, most: int, opened: Callable[[Item], T]) -> list[T]:
    """What is made of some photographs, evenly spread; those that cannot be read are left out.

    Raises:
        PictureError: that are all of them.
    """
    found = list(read_each(photos.spread(most), opened))
    if not found:
        raise PictureError(f"none of {most} pictures can be read", photos.items[0].path, code="damaged-file")
    return found


def _state(item: Item) -> str:
    """good, tiny or damaged, as far as the file's head tells."""
    try:
        try:
            size = size_of(read(item, _HEAD))
        except PictureError:  # some formats say it at the end, or to those only who have all of it
            size = size_of(read(item))
        return "tiny" if min(size) < SMALLEST else "good"
    except Exception:  # noqa: BLE001  decoders raise anything over damaged data
        return "damaged"


def _read_cache(path: Path | None) -> dict[str, str]:
    try:
        known = json.loads(path.read_text()) if path else {}
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


class Crops(Dataset[tuple[Tensor, int]]):
    """Random square crops, flipped or not, by their position in the training.

    Args:
        photos: what to crop from.
        size: of the crops in pixels.
        seed: another seed, another order and other crops.
    """

    def __init__(self, photos: Photos, size: int, seed: int) -> None:
        self.photos, self.size, self.seed = photos, size, seed
        self.shorter = round(size / _SMALLEST_SHARE**0.5)  # pixels of a photograph's side that are read at least
        self._order: tuple[int, np.ndarray[Any, Any]] | None = None

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        """The crop, 3 x size x size in 0..1, and how many damaged pictures were passed over for it."""
        picture, tries = self.readable(position, self.open, "photographs in a row cannot be read")
        return self.crop(picture, self.chance(position)), tries

    def open(self, item: Item) -> Picture:
        """A photograph, large enough to be cropped."""
        return Picture.open(read(item), shorter=self.shorter).as_painting()

    def chance(self, position: int) -> np.random.Generator:
        """What places and flips the crop at a position."""
        return np.random.default_rng([self.seed, 1, position])

    def readable(self, position: int, opened: Callable[[Item], T], trouble: str) -> tuple[T, int]:
        """What is made of the photograph at a position, or of another if it cannot be read; how many could not.

        Raises:
            PictureError: sixteen cannot, which `trouble` says.
        """
        for tries in range(_TRIES):
            for found in read_each([self.item(position + tries * 7919)], opened):
                return found, tries
        raise PictureError(f"{_TRIES} {trouble}", code="damaged-file")

    def item(self, position: int) -> Item:
        """Which photograph is at a position; in each round through all of them every one comes once."""
        items = self.photos.items
        epoch, index = divmod(position, len(items))
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([self.seed, 0, epoch]).permutation(len(items))
        return items[int(self._order[1][index])]

    def share(self, rng: np.random.Generator) -> float:
        """What of a photograph's shorter side a crop shows."""
        return float(np.sqrt(rng.uniform(_SMALLEST_SHARE, 1)))

    def crop(self, picture: Picture, rng: np.random.Generator) -> Tensor:
        """A square part of a picture, 3 x size x size."""
        shorter = min(picture.width, picture.height)
        side = round(shorter * self.share(rng))
        side = max(min(side, shorter), min(shorter, self.size))  # never enlarged if that can be helped
        left, top = rng.integers(picture.width - side + 1), rng.integers(picture.height - side + 1)
        pixels = resize(picture.samples[top : top + side, left : left + side], self.size, self.size)
        if rng.random() < 0.5:
            pixels = pixels[:, ::-1]
        return to_tensor(pixels)[0]


class _Positions:
    """Batches of positions for one of several processes, from a step on."""

    def __init__(self, first: int, last: int, batch_size: int, rank: int, processes: int) -> None:
        self.steps, self.batch_size, self.rank, self.processes = range(first, last), batch_size, rank, processes

    def __iter__(self) -> Iterator[list[int]]:
        for step in self.steps:
            yield list(range(step * self.batch_size, (step + 1) * self.batch_size))[self.rank :: self.processes]

    def __len__(self) -> int:
        return len(self.steps)


def batches(
    crops: Dataset[tuple[Tensor, int]],
    first: int,
    last: int,
    batch_size: int,
    *,
    workers: int,
    rank: int = 0,
    processes: int = 1,
) -> Iterator[tuple[Tensor, int]]:
    """One process's share of every batch, N x C x size x size, and how many damaged pictures were passed over.

    Args:
        first, last: the steps from `first` to before `last`.
        batch_size: over all processes, which divide it evenly.
        workers: processes that read ahead; 0 reads in this one.
    """
    loader: DataLoader[tuple[Tensor, int]] = DataLoader(
        crops,
        batch_sampler=cast(Sequence[list[int]], _Positions(first, last, batch_size, rank, processes)),
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        collate_fn=_collate,
        worker_init_fn=_ignore_interrupts,
    )
    yield from loader


@contextlib.contextmanager
def readers_watched() -> Iterator[None]:
    """Say in a line that a reading process was killed; PyTorch raises it wherever the program is at that moment.

    Raises:
        TrainingError: that happened.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        hint = "--resume goes on from the last checkpoint; --workers 0 reads without such processes"
        raise TrainingError("a process that reads photographs was killed", hint, code="killed") from error


def _ignore_interrupts(_: int) -> None:
    """Ctrl-C reaches every process of a terminal; the training itself decides when its readers end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _collate(found: Sequence[tuple[Tensor, int]]) -> tuple[Tensor, int]:
    return torch.stack([crop for crop, _ in found]), sum(tries for _, tries in found)

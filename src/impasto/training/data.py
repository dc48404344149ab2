"""Find photographs for a training and crop from them. Folder trees, remote folders and tar shards are supported.

The seed and the position in the training alone determine which crop of which picture is used. So a stopped training
resumes exactly, and several processes share one order: each takes every n-th position.
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

SMALLEST = 64  # pixels; photographs with a smaller shorter side are skipped
_HEAD = 1 << 18  # bytes; the size of a picture is usually found in these
_TRIES = 16  # damaged pictures in a row before the training gives up
_SMALLEST_SHARE = 0.25  # lowest share of a photograph's area that a crop shows


@dataclass(frozen=True)
class Item:
    """The location of one photograph's bytes: a file, or a part of a tar file.

    `name` is its name inside the folder or tar file, without the suffix.
    """

    path: str
    offset: int = 0
    size: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Photos:
    """The photographs found in a folder.

    Attributes:
        items: usable photographs, in an order that does not depend on the file system.
        damaged: number of skipped files that cannot be read.
        tiny: number of skipped files that are too small.
    """

    items: tuple[Item, ...]
    damaged: int = 0
    tiny: int = 0

    def spread(self, most: int) -> list[Item]:
        """Return at most `most` photographs, evenly spaced over the folder."""
        return [self.items[int(i)] for i in np.linspace(0, len(self.items) - 1, min(most, len(self.items)))]

    @property
    def digest(self) -> str:
        """Return a hash of the file names. It identifies the set of photographs wherever the folder is."""
        names = "\n".join(f"{Path(item.path).name}:{item.offset}" for item in self.items)
        return hashlib.sha256(names.encode()).hexdigest()[:16]


def find_photos(folder: str | Path, cache: Path | None = None, *, noun: str = "photographs") -> Photos:
    """Find all photographs in a folder and its subfolders. Hidden files are skipped.

    The start of each file is read once. The result is kept in `cache`; only changed files are read again.

    Args:
        folder: a folder, a tar file, a folder of tar files (WebDataset shards), or a URL of one of these that fsspec
            reads: s3://, gs://, memory://.
        cache: a JSON file.
        noun: the word for the pictures in messages.
    Raises:
        PictureError: the folder does not exist, or it contains no usable photograph.
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
            f"{folder} contains no {noun}{left_out}",
            "give a folder of JPEG, PNG or WebP files, or tar shards",
            code="no-pictures",
        )
    return Photos(items, states.count("damaged"), states.count("tiny"))


def _files(folder: str) -> Iterator[tuple[str, int, str]]:
    """Yield path, size and modification time of every picture and tar file, in order."""
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
        raise PictureError(f"folder {folder} does not exist", code="no-such-folder")
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
    """Yield a picture, or the pictures of a tar file, each with its key in the cache."""
    if not path.lower().endswith(".tar"):
        inside = Path(path).as_posix().removeprefix(Path(folder).as_posix()).lstrip("/") or Path(path).name
        yield Item(path, name=str(PurePosixPath(inside).with_suffix(""))), f"{path}:{size}:{changed}"
        return
    try:
        with _open(path) as file, tarfile.open(fileobj=file, mode="r:") as shard:
            members = [member for member in shard if member.isfile() and _is_picture(member.name)]
    except (tarfile.TarError, OSError) as error:
        raise PictureError(f"{path} is not a readable tar file", code="damaged-file") from error
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
    """Return a photograph's bytes, or the first `most` of them."""
    with _open(item.path) as file:
        file.seek(item.offset)
        return file.read(min((count for count in (item.size, most) if count is not None), default=-1))


def read_each(items: Iterable[Item], opened: Callable[[Item], T]) -> Iterator[T]:
    """Yield `opened(item)` for each photograph. Skip photographs that turn out to be unreadable."""
    for item in items:
        try:
            yield opened(item)
        except (ImpastoError, OSError):
            continue


def read_some(photos: Photos, most: int, opened: Callable[[Item], T]) -> list[T]:
    """Return `opened(item)` for at most `most` photographs, evenly spaced. Skip those that cannot be read.

    Raises:
        PictureError: none can be read.
    """
    found = list(read_each(photos.spread(most), opened))
    if not found:
        raise PictureError(f"none of {most} pictures can be read", photos.items[0].path, code="damaged-file")
    return found


def _state(item: Item) -> str:
    """Return "good", "tiny" or "damaged", judged by the start of the file."""
    try:
        try:
            size = size_of(read(item, _HEAD))
        except PictureError:  # some formats store the size at the end, or decoders need the whole file
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
    """Random square crops, randomly flipped, indexed by their position in the training.

    Args:
        photos: pictures to crop from.
        size: side of the crops in pixels.
        seed: determines the order and the crops.
    """

    def __init__(self, photos: Photos, size: int, seed: int) -> None:
        self.photos, self.size, self.seed = photos, size, seed
        self.shorter = round(size / _SMALLEST_SHARE**0.5)  # smallest side in pixels to which a photograph is decoded
        self._order: tuple[int, np.ndarray[Any, Any]] | None = None

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        """Return the crop, 3 x size x size in 0..1, and the number of damaged pictures that were skipped."""
        picture, tries = self.readable(position, self.open, "photographs in a row cannot be read")
        return self.crop(picture, self.chance(position)), tries

    def open(self, item: Item) -> Picture:
        """Read a photograph, large enough to crop from."""
        return Picture.open(read(item), shorter=self.shorter).as_painting()

    def chance(self, position: int) -> np.random.Generator:
        """Return the random generator that places and flips the crop at a position."""
        return np.random.default_rng([self.seed, 1, position])

    def readable(self, position: int, opened: Callable[[Item], T], trouble: str) -> tuple[T, int]:
        """Apply `opened` to the photograph at a position. If it cannot be read, try others.

        Returns:
            The result, and the number of unreadable photographs.
        Raises:
            PictureError: sixteen photographs in a row cannot be read. `trouble` is the message.
        """
        for tries in range(_TRIES):
            for found in read_each([self.item(position + tries * 7919)], opened):
                return found, tries
        raise PictureError(f"{_TRIES} {trouble}", code="damaged-file")

    def item(self, position: int) -> Item:
        """Return the photograph at a position. Each pass over the photographs uses every one once."""
        items = self.photos.items
        epoch, index = divmod(position, len(items))
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([self.seed, 0, epoch]).permutation(len(items))
        return items[int(self._order[1][index])]

    def share(self, rng: np.random.Generator) -> float:
        """Return the share of a photograph's shorter side that a crop shows."""
        return float(np.sqrt(rng.uniform(_SMALLEST_SHARE, 1)))

    def crop(self, picture: Picture, rng: np.random.Generator) -> Tensor:
        """Cut a square from a picture, 3 x size x size."""
        shorter = min(picture.width, picture.height)
        side = round(shorter * self.share(rng))
        side = max(min(side, shorter), min(shorter, self.size))  # not enlarged unless the picture is too small
        left, top = rng.integers(picture.width - side + 1), rng.integers(picture.height - side + 1)
        pixels = resize(picture.samples[top : top + side, left : left + side], self.size, self.size)
        if rng.random() < 0.5:
            pixels = pixels[:, ::-1]
        return to_tensor(pixels)[0]


class _Positions:
    """Batches of positions for one of several processes, for a range of steps."""

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
    """Yield one process's share of every batch, N x C x size x size, and the number of damaged pictures skipped.

    Args:
        first, last: first step, and the step after the last.
        batch_size: over all processes. They divide it evenly.
        workers: processes that read ahead; 0 reads in the calling process.
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
    """Turn PyTorch's error about a killed reading process into one line.

    PyTorch raises that error at any point of the program, so wrap the whole training.

    Raises:
        TrainingError: a reading process was killed.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        hint = "continue from the last checkpoint with --resume; --workers 0 reads without such processes"
        raise TrainingError("a process that read photographs was killed", hint, code="killed") from error


def _ignore_interrupts(_: int) -> None:
    """Ignore Ctrl-C, which reaches every process of a terminal. The training itself ends its readers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _collate(found: Sequence[tuple[Tensor, int]]) -> tuple[Tensor, int]:
    return torch.stack([crop for crop, _ in found]), sum(tries for _, tries in found)

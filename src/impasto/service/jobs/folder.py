"""Many photos in one job: several uploads, or a zip file of a stranger's."""

from __future__ import annotations

import io
import json
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from impasto.batch.job import PaintJob
from impasto.batch.painting import Painting
from impasto.batch.report import Report, Result, failure
from impasto.errors import ImpastoError, OutOfMemory, PictureError, UsageError
from impasto.picture import untrusted
from impasto.picture.formats import format_of
from impasto.picture.reading import head_of
from impasto.progress import Progress
from impasto.service.jobs.previews import Teller
from impasto.service.looking import check_result
from impasto.service.work import MEDIA_TYPES, Answer, PaintWork, Tell, Upload, notes_of

Photo: TypeAlias = "tuple[str, Callable[[], bytes]]"
"""A name, and what gives its bytes."""

_JPEG = (".jpeg", ".jpe", ".jfif")
_DATE = (1980, 1, 1, 0, 0, 0)  # the same photos give the same bytes


@dataclass(frozen=True)
class FolderWork:
    """Photos that are painted alike. What is wrong with one is told in the report; the others are painted.

    Attributes:
        paint: what is said of all; its photo is the zip file, or empty.
        photos: those that came one by one.
        suffix: the ending of all pictures; "" keeps each photo's.
        most: photos at most.
        unpacked: bytes of all photos of a zip file at most.
        each: bytes of one at most.
        packed: bytes of all pictures at most.
    """

    paint: PaintWork
    photos: tuple[Upload, ...] = ()
    suffix: str = ""
    most: int = 500
    unpacked: int = 500_000_000
    each: int = 50_000_000
    packed: int = 500_000_000

    @property
    def megapixels(self) -> float:
        return 0.0

    def run(self, tell: Tell) -> Answer:
        """Paint them into a zip file with report.json.

        Raises:
            UsageError: too many, or too large once they are unpacked.
            PictureError: the zip file is damaged, or holds nothing.
        """
        photos, teller, report = self._photos(), Teller(tell), Report()
        with notes_of() as notes:
            painting = Painting(self.paint.stylizer(), self.paint.max_pixels, self.paint.saving, untrusted=True)
            painting.work.prepare()
            out, names = io.BytesIO(), _Names()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
                for index, (name, read) in enumerate(photos):
                    if not teller(Progress(index, len(photos), index / len(photos), name)):
                        break
                    target = names.take(name, self.suffix or _ending(name))
                    if out.tell() > self.packed:
                        raise UsageError(
                            f"the pictures have more than {self.packed / 1e6:.0f} MB", "fewer photos", code="too-large"
                        )
                    report.add(_painted(painting, PaintJob(name, target), read, _writer(archive, target)))
                else:
                    teller(Progress(len(photos), len(photos), 1.0, ""))
                said = {"painted": len(report.painted), "failed": len(report.failed)}
                text = json.dumps(said | {"photos": [_row(row) for row in _all(report)]}, indent=1, ensure_ascii=False)
                _writer(archive, "report.json")(text.encode())
        return Answer(out.getvalue(), "application/zip", said, tuple(notes))

    def _photos(self) -> list[Photo]:
        if self.photos:
            self._check_count(len(self.photos))
            return [(_clean(photo.name), lambda photo=photo: photo.data) for photo in self.photos]  # type: ignore[misc]
        data = self.paint.photo.data
        self._check_count(data.count(b"PK\1\2") // 2)  # each file has one, and `ZipFile` reads them all into memory
        try:
            archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise PictureError(
                f"{self.paint.photo.name} is no zip file, or a damaged one", str(error), code="damaged-file"
            ) from None
        found = [info for info in archive.infolist() if not _is_beside(info)]
        self._check_count(len(found))
        total = sum(info.file_size for info in found)
        if total > self.unpacked:
            raise UsageError(
                f"the zip file unpacks to {total / 1e6:.0f} MB, more than {self.unpacked / 1e6:.0f}",
                "send less at once",
                code="too-large",
            )
        if not found:
            raise PictureError(f"{self.paint.photo.name} holds no files", code="no-pictures")
        return [(_clean(info.filename), self._reader(archive, info)) for info in found]

    def _check_count(self, count: int) -> None:
        if count > self.most:
            raise UsageError(f"a job takes at most {self.most} photos", "send several jobs", code="too-large")

    def _reader(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
        def read() -> bytes:
            name = _clean(info.filename)
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
                raise PictureError(f"{name} is a link or a device", "files alone are painted", code="not-a-file")
            if info.flag_bits & 1:
                raise PictureError(f"{name} is encrypted", "a zip file without a password", code="not-readable")
            try:
                with archive.open(info) as file:
                    data = file.read(min(self.each, info.file_size) + 1)
            except Exception as error:  # noqa: BLE001  zipfile and its decoders raise anything over damaged data
                raise PictureError(f"{name} cannot be unpacked: {error}", code="damaged-file") from None
            if len(data) > self.each:
                raise PictureError(f"{name} has more than {self.each / 1e6:g} MB", code="too-large")
            return data

        return read


def _painted(painting: Painting, job: PaintJob, read: Callable[[], bytes], write: Callable[[bytes], None]) -> Result:
    """What became of one photo."""
    try:
        data = read()
        if data:
            untrusted.check(data, job.photo)
            head = head_of(data, job.photo)
            check_result(head, painting.work, format_of(Path(job.target)), painting.max_pixels)
        return painting.paint(job, write, data)
    except ImpastoError as error:
        return failure(job, error)
    except MemoryError:
        return failure(job, OutOfMemory(f"{job.photo} takes more memory than there is"))
    except Exception as error:  # noqa: BLE001  the other photos are painted all the same
        message = f"{job.photo}: this should not have happened: {type(error).__name__}"
        return failure(job, ImpastoError(message, "please report it", code="unexpected"))


def _writer(archive: zipfile.ZipFile, name: str) -> Callable[[bytes], None]:
    return lambda data: archive.writestr(zipfile.ZipInfo(name, _DATE), data)


def _all(report: Report) -> Iterator[Result]:
    yield from report.painted
    yield from report.failed


def _row(result: Result) -> dict[str, object]:
    left_out = ("skipped", "exit_code")
    return {name: value for name, value in asdict(result).items() if name not in left_out}


def _is_beside(info: zipfile.ZipInfo) -> bool:
    """Whether it is no photo at all: a folder, or what systems put beside files."""
    parts = re.split(r"[/\\]", info.filename)
    return info.is_dir() or "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1] in ("Thumbs.db", "")


def _clean(name: str) -> str:
    """A name that leads nowhere: relative, without "..", drives and control characters."""
    parts = [re.sub(r'[\x00-\x1f\x7f<>:"|?*]+', "_", part).strip(" ") for part in re.split(r"[/\\]", name)]
    kept = [part[:100] for part in parts if part.strip(".")]
    return "/".join(kept[-8:]) or "photo"


def _ending(name: str) -> str:
    """The ending of a photo's picture: the photo's own if it can be written here."""
    suffix = PurePosixPath(name).suffix.lower()
    suffix = ".jpg" if suffix in _JPEG else ".tif" if suffix == ".tiff" else suffix
    return suffix if suffix in MEDIA_TYPES and suffix != ".heic" else ".png"


class _Names:
    """Names of pictures, no two alike to any file system."""

    def __init__(self) -> None:
        self._taken = {"report.json"}

    def take(self, photo: str, suffix: str) -> str:
        stem, number = str(PurePosixPath(photo).with_suffix("")), 1
        name = f"{stem}{suffix}"
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._taken.add(name.casefold())
        return name

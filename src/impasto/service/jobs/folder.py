"""Paint many photos in one job: several uploads, or an uploaded zip file."""

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
"""A name, and a function that returns the bytes."""

_JPEG = (".jpeg", ".jpe", ".jfif")
_DATE = (1980, 1, 1, 0, 0, 0)  # a fixed date, so that the same photos give the same bytes


@dataclass(frozen=True)
class FolderWork:
    """Photos to paint alike. Errors of single photos go to the report, and the other photos are painted.

    Attributes:
        paint: styles and controls for all photos. Its photo is the zip file, or empty.
        photos: photos that were uploaded one by one.
        suffix: suffix of all results; "" keeps each photo's.
        most: largest number of photos.
        unpacked: largest size in bytes of all photos in a zip file.
        each: largest size in bytes of one photo.
        packed: largest size in bytes of all results.
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
        """Paint the photos, and return a zip file with the results and report.json.

        Raises:
            UsageError: there are too many photos, or they are too large when unpacked.
            PictureError: the zip file is damaged or empty.
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
                            f"the results have more than {self.packed / 1e6:.0f} MB",
                            "send fewer photos",
                            code="too-large",
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
        self._check_count(data.count(b"PK\1\2") // 2)  # one for each file; `ZipFile` reads them all into memory
        try:
            archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise PictureError(
                f"{self.paint.photo.name} is not a zip file, or it is damaged", str(error), code="damaged-file"
            ) from None
        found = [info for info in archive.infolist() if not _is_beside(info)]
        self._check_count(len(found))
        total = sum(info.file_size for info in found)
        if total > self.unpacked:
            raise UsageError(
                f"the zip file unpacks to {total / 1e6:.0f} MB, more than {self.unpacked / 1e6:.0f}",
                "send fewer photos",
                code="too-large",
            )
        if not found:
            raise PictureError(f"{self.paint.photo.name} contains no files", code="no-pictures")
        return [(_clean(info.filename), self._reader(archive, info)) for info in found]

    def _check_count(self, count: int) -> None:
        if count > self.most:
            raise UsageError(f"a job takes at most {self.most} photos", "send several jobs", code="too-large")

    def _reader(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
        def read() -> bytes:
            name = _clean(info.filename)
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
                raise PictureError(f"{name} is a link or a device", "send files only", code="not-a-file")
            if info.flag_bits & 1:
                raise PictureError(f"{name} is encrypted", "send a zip file without a password", code="not-readable")
            try:
                with archive.open(info) as file:
                    data = file.read(min(self.each, info.file_size) + 1)
            except Exception as error:  # noqa: BLE001  zipfile and its decoders raise anything over damaged data
                raise PictureError(f"{name} cannot be unpacked: {error}", code="damaged-file") from None
            if len(data) > self.each:
                raise PictureError(f"{name} is larger than {self.each / 1e6:g} MB", code="too-large")
            return data

        return read


def _painted(painting: Painting, job: PaintJob, read: Callable[[], bytes], write: Callable[[bytes], None]) -> Result:
    """Paint one photo and return its result or error."""
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
        return failure(job, OutOfMemory(f"{job.photo} needs more memory than is available"))
    except Exception as error:  # noqa: BLE001  the other photos are painted all the same
        message = f"{job.photo}: unexpected error: {type(error).__name__}"
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
    """Return True if an entry is not a photo: a folder, or a file that a system adds to folders."""
    parts = re.split(r"[/\\]", info.filename)
    return info.is_dir() or "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1] in ("Thumbs.db", "")


def _clean(name: str) -> str:
    """Return a safe name: relative, without "..", drives and control characters."""
    parts = [re.sub(r'[\x00-\x1f\x7f<>:"|?*]+', "_", part).strip(" ") for part in re.split(r"[/\\]", name)]
    kept = [part[:100] for part in parts if part.strip(".")]
    return "/".join(kept[-8:]) or "photo"


def _ending(name: str) -> str:
    """Return the suffix of a photo's result: the photo's own, if it can be written here."""
    suffix = PurePosixPath(name).suffix.lower()
    suffix = ".jpg" if suffix in _JPEG else ".tif" if suffix == ".tiff" else suffix
    return suffix if suffix in MEDIA_TYPES and suffix != ".heic" else ".png"


class _Names:
    """Chooses names for results that are different on every file system."""

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

"""Plan which photo becomes which file, on this machine or behind URLs."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from impasto.batch.job import PaintJob
from impasto.batch.names import with_own_names
from impasto.errors import PictureError, UsageError
from impasto.picture.formats import SUFFIXES, readable
from impasto.system.places import as_url, check_exists, files_below, identity, is_folder, join, relative
from impasto.system.remote import is_url, is_web_address

if TYPE_CHECKING:
    from impasto.batch.ledger import Ledger


@dataclass(frozen=True)
class Plan:
    """The jobs of a run.

    Attributes:
        jobs: each photo and its target.
        folder: the folder of the run's ledger; None for local photos that are named one by one, which have no ledger.
        refused: jobs that must not be painted, and why.
    """

    jobs: list[PaintJob]
    folder: str | None = None
    refused: Mapping[PaintJob, UsageError] = field(default_factory=dict)


def plan(
    photos: Sequence[str],
    output: str | None,
    *,
    suffix: str | None = None,
    label: str = "painted",
    inputs: Sequence[str] = (),
    as_urls: bool = False,
    may_be_empty: bool = False,
    ledger_of: Callable[[str], Ledger] | None = None,
) -> Plan:
    """Plan which photo is painted into which file.

    Args:
        photos: paths or URLs, of files or folders.
        output: a file or a folder; None: files in the current folder, named after photo and style.
        suffix: the ending of all pictures; None keeps the photos' endings.
        label: the style's name, for such file names.
        inputs: other files that are read, and must not be overwritten.
        as_urls: return URLs for paths, too. A URL among photos and output implies this.
        may_be_empty: accept a folder without pictures, where photos will arrive later.
        ledger_of: returns a folder's ledger. Pictures of earlier runs keep their names, and are not painted themselves.
    Raises:
        UsageError: the output cannot contain the pictures, or every output is also an input.
        PictureError: a folder contains no pictures, a photo does not exist, or a place is a web address.
    """
    for text in (*photos, output or ""):
        if is_web_address(text):
            raise PictureError(f"{text} is a web address", "download it first", code="web-address")
    remote = as_urls or any(is_url(text) for text in (*photos, output or ""))
    if remote and output is None:
        raise UsageError("photos behind URLs need an output", "-o URL", code="nothing-given")
    if remote:
        photos = [photo if is_url(photo) else as_url(photo) for photo in photos]
    folders = [photo for photo in photos if is_folder(photo)]
    if output is None:
        if folders:
            raise UsageError("several photos need an output folder", "-o FOLDER", code="nothing-given")
        jobs, folder = [PaintJob(str(Path(photo)), _made_up(Path(photo), label, suffix)) for photo in photos], None
    elif len(photos) == 1 and not folders and not _is_for_folders(output, remote):
        if not remote:
            check_exists(photos[0])  # before its output is checked, which may be meant as a folder
            _check_named(output, suffix)
        target = as_url(output) if remote else str(Path(output))
        job = PaintJob(as_url(photos[0]) if remote else photos[0], target)
        return _checked([job], target.rpartition("/")[0] if remote else None, inputs)
    else:
        into = as_url(output) if remote else str(Path(output))
        if _is_for_one(into):
            raise UsageError(f"{into} is a file, but several photos need a folder", "-o FOLDER", code="not-a-folder")
        jobs, folder = list(_into(into, photos, folders, suffix, may_be_empty)), into if remote or folders else None
    ledger = ledger_of(folder) if ledger_of is not None and folder is not None else None
    if ledger is not None:
        ledger.refresh()
        jobs = [job for job in jobs if job.photo in photos or not _is_made(job.photo, ledger)]
    return _checked(with_own_names(jobs, ledger), folder, inputs, lenient=may_be_empty)


def _check_named(output: str, suffix: str | None) -> None:
    """Raise a UsageError if one photo's output is neither a folder nor named like a picture."""
    if suffix is None and not PurePath(output).suffix and not os.path.lexists(output):
        raise UsageError(
            f"{output} is neither a folder nor named like a picture",
            f"-o {output}/ paints into a folder, -o {output}.png into a file",
            code="unknown-format",
        )


def _checked(jobs: list[PaintJob], folder: str | None, inputs: Sequence[str], *, lenient: bool = False) -> Plan:
    refused = collisions(jobs, inputs)
    if jobs and len(refused) == len(jobs) and not lenient:
        raise next(iter(refused.values()))
    return Plan(jobs, folder, refused)


def _is_made(photo: str, ledger: Ledger) -> bool:
    """Return True if a file is a picture of an earlier run, which is found if the output is the photos' own folder."""
    if is_url(photo):
        return photo.startswith(f"{ledger.folder}/") and ledger.made(photo)
    return not relative(photo, ledger.folder).startswith(os.pardir) and ledger.made(photo)


def _is_for_folders(output: str, remote: bool) -> bool:
    """Return True if `output` is a folder even for a single photo.

    Object stores have no visible folders, so there the name's ending decides.
    """
    if output.endswith(("/", os.sep)):
        return True
    return PurePath(output).suffix.lower() not in SUFFIXES if remote else Path(output).is_dir()


def _is_for_one(output: str) -> bool:
    named_so = PurePath(output).suffix.lower() in SUFFIXES
    return named_so if is_url(output) else not Path(output).is_dir() and (named_so or Path(output).exists())


def _into(
    folder: str, photos: Sequence[str], folders: Sequence[str], suffix: str | None, may_be_empty: bool
) -> Iterator[PaintJob]:
    for photo in photos:
        if photo not in folders:
            name = PurePath(photo).stem + _ending(photo, suffix)
            yield PaintJob(as_url(photo) if is_url(photo) else str(Path(photo)), join(folder, name))
            continue
        below = list(files_below(photo, folder))
        found = [(place, name) for place, name in below if readable(Path(name))]
        unread = _unread([name for _, name in below])
        if not found and not may_be_empty:
            raise PictureError(f"there are no pictures in {photo}", unread, code="no-pictures")
        if unread:
            warnings.warn(f"{photo}: {unread}", stacklevel=2)
        for place, name in found:
            target = join(folder, PurePath(name).with_suffix(_ending(name, suffix)).as_posix())
            yield PaintJob(place, target)


def _unread(names: Sequence[str]) -> str:
    """Describe the pictures of a folder whose formats Impasto does not read, such as raw files; "" if none."""
    from impasto.picture.refusals import named_unreadable  # imported here, because a single photo does not need it

    endings = sorted({PurePath(name).suffix.lower() for name in names if named_unreadable(name)})
    return f"Impasto does not read its {' and '.join(endings)} files; export them as TIFF or JPEG" if endings else ""


def _made_up(photo: Path, label: str, suffix: str | None) -> str:
    name = Path(label).stem if Path(label).is_file() else label
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "painted"
    return f"{photo.stem}-{slug}{_ending(str(photo), suffix)}"


def _ending(name: str, suffix: str | None) -> str:
    own = PurePath(name).suffix
    return suffix or (own if own.lower() in SUFFIXES else ".png")


def check(jobs: Sequence[PaintJob], inputs: Sequence[str] = ()) -> None:
    """Refuse jobs that would overwrite a file that the command reads.

    Args:
        inputs: other files that are read.
    Raises:
        UsageError: a job would overwrite such a file.
    """
    for error in collisions(jobs, inputs).values():
        raise error


def collisions(jobs: Sequence[PaintJob], inputs: Sequence[str] = ()) -> dict[PaintJob, UsageError]:
    """Return an error for each job that would overwrite a file that the run reads.

    Args:
        inputs: other files that are read.
    """
    read = {identity(place) for place in (*inputs, *(job.photo for job in jobs))} - {None}
    return {
        job: UsageError(
            f"{job.target} is an input of this command, so it cannot be the output",
            "choose another -o",
            code="same-file",
        )
        for job in jobs
        if identity(job.target) in read
    }

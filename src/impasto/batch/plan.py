"""Plan which photo becomes which file, here or behind URLs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from impasto.errors import PictureError, UsageError
from impasto.picture.formats import SUFFIXES, readable
from impasto.system.places import as_url, files_below, is_folder, join
from impasto.system.remote import is_url, is_web_address


@dataclass(frozen=True)
class PaintJob:
    """A photo and the picture that it becomes: two paths or two URLs."""

    photo: str
    target: str


@dataclass(frozen=True)
class Plan:
    """What a run paints.

    Attributes:
        folder: where the run keeps its ledger; None for photos here that are named one by one, which have none.
    """

    jobs: list[PaintJob]
    folder: str | None = None


def plan(
    photos: Sequence[str],
    output: str | None,
    *,
    suffix: str | None = None,
    label: str = "painted",
    inputs: Sequence[str] = (),
    as_urls: bool = False,
    may_be_empty: bool = False,
) -> Plan:
    """Plan which photo is painted into which file.

    Args:
        photos: paths or URLs, of files or folders.
        output: a file, a folder, or None: beside where the program runs, named after photo and style.
        suffix: the ending that all pictures get, or None to keep the photos'.
        label: the style, for such a name.
        inputs: other files that are read and must not be written to.
        as_urls: give URLs for paths, too; one URL among photos and output implies it.
        may_be_empty: accept a folder without pictures, and plans that `check` would refuse: photos are still to come.
    Raises:
        UsageError: an output that cannot hold the pictures, or that is an input.
        PictureError: a folder without pictures, or a web address.
    """
    for text in (*photos, output or ""):
        if is_web_address(text):
            raise PictureError(f"{text} is a web address", "download it first", code="web-address")
    remote = as_urls or any(is_url(text) for text in (*photos, output or ""))
    if remote and output is None:
        raise UsageError("photos behind URLs go from a file or a folder to another", "-o URL", code="nothing-given")
    if remote:
        photos = [photo if is_url(photo) else as_url(photo) for photo in photos]
    folders = [photo for photo in photos if is_folder(photo)]
    if output is None:
        if folders:
            raise UsageError("where shall the pictures go?", "-o FOLDER", code="nothing-given")
        found = Plan([PaintJob(str(Path(photo)), _made_up(Path(photo), label, suffix)) for photo in photos])
    elif len(photos) == 1 and not folders and not _is_for_folders(output, remote):
        target = as_url(output) if remote else str(Path(output))
        job = PaintJob(as_url(photos[0]) if remote else photos[0], target)
        found = Plan([job], target.rpartition("/")[0] if remote else None)
    else:
        into = as_url(output) if remote else str(Path(output))
        if _is_for_one(into):
            raise UsageError(f"{into} is a file, and there are several photos", "-o FOLDER", code="not-a-folder")
        jobs = list(_into(into, photos, folders, suffix, may_be_empty))
        found = Plan(jobs, into if remote or folders else None)
    if not may_be_empty:
        check(found.jobs, inputs)
    return found


def _is_for_folders(output: str, remote: bool) -> bool:
    """Whether even a single photo goes into `output`, not to it; object stores have no folders that one could see."""
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
        found = [(place, name) for place, name in files_below(photo, folder) if readable(Path(name))]
        if not found and not may_be_empty:
            raise PictureError(f"there are no pictures in {photo}", code="no-pictures")
        for place, name in found:
            target = join(folder, PurePath(name).with_suffix(_ending(name, suffix)).as_posix())
            yield PaintJob(place, target)


def _made_up(photo: Path, label: str, suffix: str | None) -> str:
    name = Path(label).stem if Path(label).is_file() else label
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "painted"
    return f"{photo.stem}-{slug}{_ending(str(photo), suffix)}"


def _ending(name: str, suffix: str | None) -> str:
    own = PurePath(name).suffix
    return suffix or (own if own.lower() in SUFFIXES else ".png")


def check(jobs: Sequence[PaintJob], inputs: Sequence[str] = ()) -> None:
    """Refuse a plan that would write to a file that it reads, or twice to the same.

    Args:
        inputs: other files that are read.
    Raises:
        UsageError: it would.
    """
    for error in collisions(jobs, inputs).values():
        raise error


def collisions(jobs: Sequence[PaintJob], inputs: Sequence[str] = ()) -> dict[PaintJob, UsageError]:
    """What is wrong with the jobs that `check` refuses."""
    read = {_identity(place) for place in (*inputs, *(job.photo for job in jobs))} - {None}
    written: dict[str, str] = {}
    found = {}
    for job in jobs:
        if _identity(job.target) in read:
            found[job] = UsageError(
                f"{job.target} is read by this command and cannot be written by it",
                "choose another -o",
                code="same-file",
            )
            continue
        key = job.target if is_url(job.target) else os.path.normcase(os.path.abspath(job.target))
        if key in written:
            found[job] = UsageError(
                f"{written[key]} and {job.photo} would both become {job.target}",
                "paint them in two commands",
                code="name-taken",
            )
            continue
        written[key] = job.photo
    return found


def _identity(place: str) -> object:
    """The same for two names of one file; None for what is not there."""
    if is_url(place):
        return place
    try:
        status = Path(place).stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino

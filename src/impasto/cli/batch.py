"""Many photos: which file becomes which, and painting them without one bad file stopping the rest."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from impasto.cli.console import console
from impasto.errors import ImpastoError, PictureError, UsageError
from impasto.picture.formats import SUFFIXES, readable
from impasto.system.files import already_there, write_atomically

Record: TypeAlias = dict[str, Any]
AnyJob = TypeVar("AnyJob")


@dataclass(frozen=True)
class Job:
    """A photo and where its picture goes: a path, or standard input and output (bytes, None)."""

    source: Path | bytes
    target: Path | None
    name: str


def plan(
    photos: Sequence[str], output: str | None, label: str, suffix: str | None, inputs: Sequence[str] = ()
) -> list[Job]:
    """Which photo is painted into which file.

    Args:
        photos: files, folders, or "-".
        output: a file, a folder, "-", or None: beside where the command runs, named after photo and style.
        label: the style, for such a name.
        suffix: the ending that all outputs get, or None to keep the photos'.
        inputs: other files that are read and must not be written to.
    Raises:
        UsageError: an output that cannot hold them, or that is an input.
        PictureError: a folder without pictures.
    """
    if "-" in photos:
        if len(photos) > 1:
            raise UsageError("- is one photo, and there are others", "paint them in two commands")
        target = None if output in (None, "-") else Path(str(output))
        if target is None and sys.stdout.isatty():
            raise UsageError("a picture would be written to the terminal", "-o FILE, or redirect the output")
        return [Job(sys.stdin.buffer.read(), target, "standard input")]
    if output == "-" and (len(photos) > 1 or Path(photos[0]).is_dir()):
        raise UsageError("several photos cannot go to standard output", "-o FOLDER")
    if output == "-":
        if sys.stdout.isatty():
            raise UsageError("a picture would be written to the terminal", "-o FILE, or redirect the output")
        return [Job(Path(photos[0]), None, photos[0])]
    jobs = list(_jobs(photos, output, label, suffix))
    _check(jobs, inputs)
    return jobs


def _jobs(photos: Sequence[str], output: str | None, label: str, suffix: str | None) -> Iterator[Job]:
    folders = [photo for photo in photos if Path(photo).is_dir()]
    if (
        not folders
        and output is not None
        and len(photos) == 1
        and not Path(output).is_dir()
        and not output.endswith(("/", os.sep))
    ):
        yield Job(Path(photos[0]), Path(output), photos[0])
        return
    if output is None:
        if folders:
            raise UsageError("where shall the pictures go?", "-o FOLDER")
        slug = (
            re.sub(r"[^A-Za-z0-9]+", "-", Path(label).stem if Path(label).is_file() else label).strip("-").lower()
            or "painted"
        )
        for photo in map(Path, photos):
            yield Job(photo, Path(f"{photo.stem}-{slug}{ending(photo, suffix)}"), str(photo))
        return
    into = Path(output)
    if (into.exists() and not into.is_dir()) or (not into.exists() and into.suffix.lower() in SUFFIXES):
        raise UsageError(f"{into} is a file, and there are several photos", "-o FOLDER")
    for photo in map(Path, photos):
        if not photo.is_dir():
            yield Job(photo, into / f"{photo.stem}{ending(photo, suffix)}", str(photo))
            continue
        found = [path for path in _walk(photo, into) if readable(path)]
        if not found:
            raise PictureError(f"there are no pictures in {photo}")
        for path in found:
            yield Job(path, into / path.relative_to(photo).with_suffix(ending(path, suffix)), str(path))


def ending(photo: Path, suffix: str | None) -> str:
    return suffix or (photo.suffix if photo.suffix.lower() in SUFFIXES else ".png")


def _walk(folder: Path, leave_out: Path) -> Iterator[Path]:
    """All files below a folder, in order, but hidden ones and what lies in the output folder."""
    for root, folders, names in os.walk(folder):
        base = Path(root)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not _same(base / name, leave_out))
        yield from (base / name for name in sorted(names) if not name.startswith("."))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _check(jobs: Sequence[Job], inputs: Sequence[str]) -> None:
    read = {_identity(Path(text)): text for text in inputs} | {
        _identity(job.source): job.name for job in jobs if isinstance(job.source, Path)
    }
    read.pop(None, None)
    written: dict[str, str] = {}
    for job in jobs:
        if job.target is None:
            continue
        same = read.get(_identity(job.target))
        if same is not None:
            raise UsageError(f"{job.target} is read by this command and cannot be written by it", "choose another -o")
        key = os.path.normcase(os.path.abspath(job.target))
        if key in written:
            raise UsageError(
                f"{written[key]} and {job.name} would both become {job.target}", "paint them in two commands"
            )
        written[key] = job.name


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def check_target(job: Job, *, overwrite: bool) -> None:
    """Refuse before painting what could not be written after it."""
    target = job.target
    if target is not None and target.is_file() and not overwrite:
        raise already_there(target)
    if target is not None and target.is_dir():
        raise PictureError(f"{target} is a folder, not a file", "name a file in it")


def write(job: Job, data: bytes, *, overwrite: bool) -> None:
    if job.target is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_atomically(job.target, data, overwrite=overwrite)


def run(
    work: Sequence[AnyJob],
    paint: Callable[[AnyJob], Record],
    done: Callable[[Record], None],
    failed: Callable[[AnyJob, ImpastoError], None],
    *,
    jobs: int,
    progress: bool,
) -> int:
    """Paint everything, `jobs` at once, in order as far as that goes.

    The work runs in threads beside this one, which so stays free to hear Ctrl-C.

    Returns:
        The exit code: 0, or that of the failure if there is one photo, or 1 if any of several failed.
    """
    codes = []
    bar = _progress_bar() if progress else None
    task = bar.add_task("painting", total=len(work)) if bar else None
    waiting = iter(work)
    running: dict[Future[Record], AnyJob] = {}
    pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="paint")
    try:
        if bar:
            bar.start()
        while True:
            # Not all at once: a queue of ten thousand photos needs no ten thousand futures.
            while len(running) < jobs and (job := next(waiting, None)) is not None:
                running[pool.submit(paint, job)] = job
            if not running:
                break
            finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in finished:
                job = running.pop(future)
                try:
                    record = future.result()
                except ImpastoError as error:
                    failed(job, error)
                    codes.append(error.exit_code)
                else:
                    done(record)
                if bar and task is not None:
                    bar.advance(task)
    finally:
        if bar:
            bar.stop()
        pool.shutdown(wait=False, cancel_futures=True)
    if not codes:
        return 0
    return int(codes[0]) if len(work) == 1 else 1


def watch(find: Callable[[], Sequence[Job]], paint: Callable[[Sequence[Job]], object], *, pause: float = 1.0) -> None:
    """Paint what arrives, until somebody interrupts it.

    A file is taken once it has not changed from one look to the next: cameras and downloads write slowly.

    Args:
        find: all photos that are there now.
        pause: seconds between two looks.
    """
    seen: dict[str, tuple[int, int]] = {}
    taken: dict[str, tuple[int, int]] = {}
    while True:
        ready = []
        for job in find():
            try:
                status = Path(job.name).stat()
            except OSError:  # gone again
                continue
            facts = status.st_size, status.st_mtime_ns
            if taken.get(job.name) == facts:
                continue
            if seen.get(job.name) == facts:
                ready.append(job)
                taken[job.name] = facts
            seen[job.name] = facts
        if ready:
            paint(ready)
        time.sleep(pause)


def _progress_bar() -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console(to_stderr=True), transient=True)

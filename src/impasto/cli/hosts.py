"""`impasto stylize` for photos behind URLs, on this machine or on all machines of a Ray cluster."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TextIO, TypeAlias

from impasto.cli import batch
from impasto.cli.batch import Record
from impasto.cli.manifest import digest
from impasto.errors import ImpastoError, MissingExtra, PictureError, UsageError
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.picture.formats import SUFFIXES, Bits, format_of, readable
from impasto.system.files import already_there, write_atomically
from impasto.system.remote import filesystem, is_web_address, reaching

EngineHosts: TypeAlias = Literal["local", "ray"]

NOTES = ".impasto"  # a folder beside the pictures: a small file for each


@dataclass(frozen=True)
class RemoteJob:
    """A photo, its picture, and the note on it: URLs."""

    name: str
    target: str
    note: str


def plan(photos: Sequence[str], output: str | None, suffix: str | None) -> list[RemoteJob]:
    """Which photo is painted into which file.

    Args:
        photos: URLs or paths, of files or folders.
        output: a folder; for a single photo, also a file.
        suffix: the ending that all outputs get, or None to keep the photos'.
    """
    if output is None or output == "-" or "-" in photos:
        raise UsageError("photos behind URLs go from a file or a folder to another", "-o URL")
    for text in (*photos, output):
        if is_web_address(text):
            raise PictureError(f"{text} is a web address", "download it first")
    into, base = filesystem(output)
    base = base.rstrip("/")
    url = into.unstrip_protocol
    jobs = []
    for photo in photos:
        system, root = filesystem(photo)
        with reaching(photo):
            single = bool(system.isfile(root))
            found = [root] if single else sorted(system.find(root))
        root = str(PurePosixPath(root).parent) if single else root
        names = [(path, path.removeprefix(root).strip("/")) for path in found]
        names = [(path, name) for path, name in names if _is_wanted(name)]
        if not names:
            raise PictureError(f"there are no pictures in {photo}")
        for path, name in names:
            name = str(PurePosixPath(name).with_suffix(batch.ending(Path(name), suffix)))
            if single and len(photos) == 1 and Path(base).suffix.lower() in SUFFIXES:
                target, note = base, f"{PurePosixPath(base).parent}/{NOTES}/{PurePosixPath(base).name}.json"
            else:
                target, note = f"{base}/{name}", f"{base}/{NOTES}/{name}.json"
            jobs.append(RemoteJob(system.unstrip_protocol(path), url(target), url(note)))
    _check(jobs)
    return jobs


def _is_wanted(name: str) -> bool:
    return readable(Path(name)) and not any(part.startswith(".") for part in PurePosixPath(name).parts)


def _check(jobs: Sequence[RemoteJob]) -> None:
    read, written = {job.name for job in jobs}, dict[str, str]()
    for job in jobs:
        if job.target in read:
            raise UsageError(f"{job.target} is read by this command and cannot be written by it", "choose another -o")
        if job.target in written:
            others = f"{written[job.target]} and {job.name}"
            raise UsageError(f"{others} would both become {job.target}", "paint them in two commands")
        written[job.target] = job.name


@dataclass
class RemotePainting:
    """What is done to each photo, wherever that is.

    A note with the picture's digest is written before the picture, and another after it. So a host that is lost
    costs the picture that it was painting: what it had finished is recognised, and is not painted again.
    """

    stylizer: Stylizer
    settings: str
    file_format: str | None
    quality: int
    bits: Bits
    mark: bool
    overwrite: bool
    max_pixels: int

    def __call__(self, job: RemoteJob) -> Record:
        """Paint one photo.

        Raises:
            ImpastoError: it cannot be read, painted or written.
        """
        started = time.perf_counter()
        source, path = filesystem(job.name)
        target, place = filesystem(job.target)
        with reaching(job.name):
            facts = source.info(path)
            changed = facts.get("mtime") or facts.get("LastModified") or facts.get("ETag") or facts.get("created")
            key = digest(f"{job.name}:{facts.get('size')}:{changed}:{self.settings}".encode())
        note = self._noted(job)
        with reaching(job.target):
            there = bool(target.exists(place))
        ours = there and note.get("digest") is not None
        if ours and not note.get("whole"):
            with reaching(job.target):
                ours = digest(target.cat_file(place)) == note["digest"]
        if ours and note.get("key") == key and not self.overwrite:
            return {"input": job.name, "output": job.target, "skipped": True}
        if there and not ours and not self.overwrite:
            raise already_there(job.target)
        with reaching(job.name):
            data = source.cat_file(path)
        painted = self.stylizer(Picture.open(data, max_pixels=self.max_pixels, at_most=self.stylizer.controls.size))
        file_format = self.file_format or format_of(Path(job.target))
        written = painted.encode(file_format, quality=self.quality, bits=self.bits, mark=self.mark)
        row = {"key": key, "digest": digest(written)}
        _write(job.note, json.dumps(row).encode())
        _write(job.target, written)
        _write(job.note, json.dumps({**row, "whole": True}).encode())
        size = [painted.width, painted.height]
        return {
            "input": job.name,
            "output": job.target,
            "size": size,
            "style": self.stylizer.style.label,
            "engine": self.stylizer.engine,
            "seconds": round(time.perf_counter() - started, 3),
        }

    def _noted(self, job: RemoteJob) -> Mapping[str, Any]:
        system, place = filesystem(job.note)
        with reaching(job.note):
            try:
                note = json.loads(system.cat_file(place))
            except (FileNotFoundError, ValueError):
                return {}
        return note if isinstance(note, dict) else {}


def _write(url: str, data: bytes) -> None:
    system, place = filesystem(url)
    if "file" in ((system.protocol,) if isinstance(system.protocol, str) else system.protocol):
        write_atomically(Path(place), data, overwrite=True)
        return
    with reaching(url):
        system.makedirs(str(PurePosixPath(place).parent), exist_ok=True)
        system.pipe_file(place, data)  # object stores show a file when it is whole


def run(
    work: Sequence[RemoteJob],
    painting: RemotePainting,
    done: Callable[[Record], None],
    failed: Callable[[str, ImpastoError], None],
    *,
    engine_hosts: EngineHosts,
    jobs: int,
) -> int:
    """Paint everything; the exit code as `batch.run` gives it."""
    if engine_hosts == "local":
        return batch.run(work, painting, done, lambda job, error: failed(job.name, error), jobs=jobs, progress=False)
    failures, output = 0, _Output(sys.stdout)
    with contextlib.redirect_stdout(output):
        for row in _by_ray(work, painting):
            record = json.loads(row["record"])
            with output.ours():
                if "error" in record:
                    failures += 1
                    failed(record["input"], PictureError(record["error"], record["hint"]))
                else:
                    done(record)
    return min(1, failures)


class _Output(io.TextIOBase):
    """Standard output for what is written within `ours`; what Ray tells of its workers goes to standard error."""

    def __init__(self, output: TextIO) -> None:
        self._output, self._here = output, threading.local()

    @contextlib.contextmanager
    def ours(self) -> Iterator[None]:
        self._here.ours = True
        try:
            yield
        finally:
            self._here.ours = False

    def write(self, text: str) -> int:
        return (self._output if getattr(self._here, "ours", False) else sys.stderr).write(text)

    def flush(self) -> None:
        self._output.flush()


class _Host:
    """A worker of Ray's: reads the style once, then paints row after row."""

    def __init__(self, painting: RemotePainting) -> None:
        self.painting = painting

    def __call__(self, row: Mapping[str, Any]) -> dict[str, str]:
        job = RemoteJob(row["name"], row["target"], row["note"])
        try:
            record = self.painting(job)
        except ImpastoError as error:
            record = {"input": job.name, "error": error.message, "hint": error.hint or ""}
        return {"record": json.dumps(record)}


def _by_ray(work: Sequence[RemoteJob], painting: RemotePainting) -> Iterator[Mapping[str, Any]]:
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what goes wrong is raised, or done again
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers about every run
    try:
        import ray
        from ray.data import ActorPoolStrategy, DataContext
    except ImportError:
        raise MissingExtra("Ray, which paints on several machines,", "ray") from None
    began = not ray.is_initialized()
    if began:  # a cluster if RAY_ADDRESS names one, else this machine
        ray.init(log_to_driver=False, include_dashboard=False, logging_level="error")
    try:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.verbose_stats_logs = False
        hosts = max(1, int(ray.cluster_resources().get("CPU", 1)))
        rows = ray.data.from_items([asdict(job) for job in work], override_num_blocks=len(work))
        painted = rows.map(
            _Host,
            fn_constructor_args=[painting],
            compute=ActorPoolStrategy(min_size=1, max_size=min(hosts, len(work))),
            num_cpus=1,
            max_restarts=-1,  # a host that is lost gets a successor, and what it was painting is painted there
            max_task_retries=-1,
        )
        yield from painted.iter_rows()
    finally:
        if began:
            ray.shutdown()

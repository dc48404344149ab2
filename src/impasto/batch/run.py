"""Paint folders of photos: `impasto.stylize_folder`."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from impasto.batch.painting import Painting, Saving, Work
from impasto.batch.plan import Plan, plan
from impasto.batch.report import Report, Result, failure
from impasto.batch.sources import Sources
from impasto.batch.threads import Arrived, painted_as_they_arrive, painted_in_threads
from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, EngineName, engine_of
from impasto.errors import ImpastoError, PictureError, UsageError
from impasto.painting.regions import Regions
from impasto.painting.stylizer import Stylizer
from impasto.picture.formats import SUFFIXES, Bits
from impasto.picture.reading import MAX_PIXELS
from impasto.progress import OnProgress, Progress
from impasto.settings import make
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import StyleRequest
from impasto.system.files import check_folder, remove_stale
from impasto.system.remote import is_url

if TYPE_CHECKING:
    from impasto.batch.ledger import Ledger

Place: TypeAlias = "str | os.PathLike[str]"
Hosts: TypeAlias = Literal["local", "ray"]


def stylize_folder(
    photos: Place | Sequence[Place],
    style: StyleRequest,
    output: Place | None,
    *,
    regions: Regions | None = None,
    engine: EngineName = DEFAULT,
    gallery: Gallery | None = None,
    memory: int | None = None,
    max_pixels: int = MAX_PIXELS,
    jobs: int = 2,
    hosts: Hosts = "local",
    suffix: str | None = None,
    quality: int = 92,
    bits: Bits = 8,
    mark: bool = True,
    strip_location: bool = False,
    strip_metadata: bool = False,
    overwrite: bool = False,
    watch: bool = False,
    untrusted: bool = False,
    on_result: Callable[[Result], object] | None = None,
    on_progress: OnProgress | None = None,
    **controls: Any,
) -> Report:
    """Paint a folder of photos, or several photos, into another folder.

    A damaged photo does not stop the rest. If `photos` is or contains a folder, a ledger beside the pictures records
    finished photos: a second run skips them, paints new and changed photos, and repaints everything if the style or
    the controls have changed.

    Args:
        photos: a folder, a file, a URL (s3://, gs:// or any that fsspec reads), or several of them.
        style: as for `impasto.stylize`. So are regions, engine, gallery and the controls.
        output: the folder for the pictures, with the structure of the photos' folder. For one photo also a file. None:
            files in the current folder, named after photo and style.
        memory: bytes that painting a photo may use, besides the photo. Larger work uses temporary files.
        max_pixels: refuse larger pictures.
        jobs: photos to work on at the same time, 1..64.
        hosts: "local"; or "ray" for all machines of the Ray cluster that RAY_ADDRESS names.
        suffix: the ending of all pictures, such as ".png"; None keeps the photos' endings.
        quality: 1..100, as for `Picture.save`. So are bits, mark, strip_location and strip_metadata.
        overwrite: replace existing files, and repaint finished photos.
        watch: keep running, and paint photos that arrive in the folder, until `on_progress` returns False.
        untrusted: set this if photos, paintings or masks come from strangers: see `Picture.open`.
        on_result: called with the result of each photo.
        on_progress: called after each photo, with the photo as the message, and without a message while it waits for
            more photos. If it returns False, started photos are finished, and no others are started.
    Raises:
        UsageError: an unknown style or control, a value out of range, or an output that cannot contain the pictures.
        PictureError: a folder without pictures, or a style or mask that cannot be read.
        MissingExtra: URLs or Ray need an extra that is not installed.

    >>> report = impasto.stylize_folder("frames", "starry-night", "painted", engine="light", strength=80)
    >>> len(report.painted), [(result.photo, result.error) for result in report.failed]
    (3, [])
    """
    paths = [str(photos)] if isinstance(photos, (str, os.PathLike)) else [str(photo) for photo in photos]
    into = None if output is None else str(output)
    check_running(paths, into, jobs, hosts, watch=watch)
    suffix = as_suffix(suffix)
    sources = Sources(style, regions, max_pixels=max_pixels, untrusted=untrusted)
    saving = Saving(suffix, quality, bits, mark, overwrite, strip_location, strip_metadata)
    find = functools.partial(
        plan,
        paths,
        into,
        suffix=suffix,
        label=sources.label,
        inputs=sources.files,
        as_urls=hosts == "ray",
        may_be_empty=watch,
        ledger_of=ledger_of(),
    )

    def make_stylizer() -> tuple[Stylizer, list[str]]:
        painter, chosen = engine_of(engine, memory), make(Controls, controls, "control")
        named = gallery or Gallery(painter=painter)
        stylizer = Stylizer(
            sources.style,
            regions=sources.regions,
            controls=chosen,
            gallery=named,
            painter=painter,
            max_pixels=max_pixels,
            untrusted=untrusted,
        )
        return stylizer, sources.facts(named)

    running = Running(max_pixels, jobs, hosts, watch=watch, untrusted=untrusted)
    return run_over(paths, find, make_stylizer, saving, running, on_result, on_progress)


@dataclass(frozen=True)
class Running:
    """How a run processes its photos: see `stylize_folder`."""

    max_pixels: int = MAX_PIXELS
    jobs: int = 2
    hosts: Hosts = "local"
    watch: bool = False
    untrusted: bool = False


def run_over(
    paths: Sequence[str],
    find: Callable[[], Plan],
    make_work: Callable[[], tuple[Work, list[str]]],
    saving: Saving,
    running: Running,
    on_result: Callable[[Result], object] | None,
    on_progress: OnProgress | None,
) -> Report:
    """Process photos, with any kind of work.

    Args:
        find: plans which photo becomes which file.
        make_work: returns the work on each photo, and a text for each further file that the result depends on.
    Raises:
        ImpastoError: the run cannot start.
    """
    found = find()
    if (
        running.watch and found.jobs and len(found.refused) == len(found.jobs)
    ):  # photos that arrive later are refused one by one
        raise next(iter(found.refused.values()))
    saving.check(found.jobs)
    if found.folder is None:
        for job in found.jobs:
            if not os.path.lexists(job.target):  # an existing target may be a device in a read-only folder
                check_folder(Path(job.target).parent, job.target)
    elif not is_url(found.folder):
        check_folder(Path(found.folder), found.folder)
    work, files = make_work()
    ledger = _ledger(found, saving, work, files)
    painting = Painting(work, running.max_pixels, saving, ledger, untrusted=running.untrusted)
    stop = Event()
    arriving = functools.partial(_arriving, find, paths[0]) if running.watch else None
    results = _results(painting, arriving, found, running, stop)
    return _report(results, 0 if running.watch else len(found.jobs), stop, on_result, on_progress)


def as_suffix(text: str | None) -> str | None:
    """Return an ending in the form of file names, with a dot.

    Raises:
        UsageError: Impasto writes no format with this ending.
    """
    suffix = text and f".{text.lstrip('.')}"
    if suffix and suffix.lower() not in SUFFIXES:
        raise UsageError(f"unknown suffix {suffix}", f"one of {' '.join(SUFFIXES)}", code="unknown-format")
    return suffix


def check_running(
    photos: Sequence[str], output: str | None, jobs: int, hosts: Hosts = "local", *, watch: bool = False
) -> None:
    """Refuse a run with invalid or contradictory options.

    Raises:
        UsageError: there are no photos, or the options contradict each other.
    """
    if not photos:
        raise UsageError("no photos given", code="nothing-given")
    if not 1 <= jobs <= 64:
        raise UsageError(f"jobs {jobs} is not in 1..64", code="out-of-range")
    if hosts not in get_args(Hosts):
        raise UsageError(f"unknown hosts {hosts!r}", f"one of {', '.join(get_args(Hosts))}", code="unknown-choice")
    here = hosts == "local" and not any(map(is_url, (*photos, output or "")))
    if watch and not (here and len(photos) == 1 and Path(photos[0]).is_dir()):
        raise UsageError(
            "--watch needs one folder on this machine",
            "impasto stylize FOLDER --watch -o FOLDER",
            code="conflict",
        )


def _ledger(found: Plan, saving: Saving, work: Work, files: list[str]) -> Ledger | None:
    if found.folder is None:
        return None
    from impasto.batch.ledger import ledger_in  # imported here, because a single photo does not need it

    if not is_url(found.folder):
        remove_stale({Path(job.target).parent for job in found.jobs})
    writing = {name: value for name, value in vars(saving).items() if name != "overwrite"}
    settings = work.made_with() | {"files": files, "writing": writing}
    return ledger_in(found.folder, settings)


def _results(
    painting: Painting,
    arriving: Callable[[], Arrived] | None,
    found: Plan,
    running: Running,
    stop: Event,
) -> Iterator[Result | None]:
    if arriving is not None:
        painting.work.prepare()
        yield from painted_as_they_arrive(arriving, painting, running.jobs, stop)
        return
    yield from (failure(job, error) for job, error in found.refused.items())
    jobs = [job for job in found.jobs if job not in found.refused]
    if running.hosts == "ray":
        from impasto.batch.ray import painted_by_ray

        yield from painted_by_ray(jobs, painting, stop)
        return
    painting.work.prepare()
    yield from painted_in_threads(jobs, painting, running.jobs, stop)


def ledger_of() -> Callable[[str], Ledger]:
    """Return a function that gives a folder's ledger, and the same one at each call."""

    @functools.cache
    def ledger(folder: str) -> Ledger:
        from impasto.batch.ledger import ledger_in  # imported here, because a single photo does not need it

        return ledger_in(folder, {})

    return ledger


def _arriving(find: Callable[[], Plan], folder: str) -> Arrived:
    """Return the photos that are in a folder now. While the folder is missing (a drive, a NAS), return none."""
    try:
        if not Path(folder).is_dir():
            raise PictureError(f"there is no folder {folder}", code="no-such-folder")
        found = find()
    except (ImpastoError, OSError) as error:
        warnings.warn(f"{error}; waiting for it", stacklevel=2)
        return [], {}
    return found.jobs, found.refused


def _report(
    results: Iterable[Result | None],
    total: int,
    stop: Event,
    on_result: Callable[[Result], object] | None,
    on_progress: OnProgress | None,
) -> Report:
    report = Report()
    for result in results:
        if result is not None:
            report.add(result)
            if on_result is not None:
                on_result(result)
        if on_progress is not None:
            done = report.count
            progress = Progress(done, total, done / total if total else 0.0, result.photo if result else "")
            if on_progress(progress) is False:
                report.stopped = True
                stop.set()
    return report

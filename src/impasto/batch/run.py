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

    One bad photo does not stop the rest. A ledger beside the pictures remembers what is done: a second run skips
    finished pictures and paints photos that are new or have changed, and everything if style or controls have.

    Args:
        photos: a folder, a file, a URL (s3://, gs://, whatever fsspec reads), or several of them.
        style: as for `impasto.stylize`; regions, engine, gallery and the controls, too.
        output: the pictures' folder, which gets the photos' structure; for one file also a file; None: made-up names.
        memory: bytes that painting a photo may take beside it; what needs more goes to temporary files.
        max_pixels: refuse larger pictures.
        jobs: how many photos are worked on at once, 1..64.
        hosts: "local", or "ray": all machines of the Ray cluster that RAY_ADDRESS names.
        suffix: the ending of all pictures, such as ".png"; None keeps the photos'.
        quality: 1..100, as for `Picture.save`; so are bits, mark, strip_location and strip_metadata.
        overwrite: replace files that exist, and paint again what is done.
        watch: go on with photos that arrive in the folder, until `on_progress` returns False.
        untrusted: strangers have sent photos, paintings and masks: see `Picture.open`.
        on_result: called with what became of each photo.
        on_progress: called after each photo, which is the message, and, without one, while waiting for more. If it
            returns False, photos that are begun are finished and no others are begun.
    Raises:
        UsageError: an unknown style or control, a value out of range, or an output that cannot hold the pictures.
        PictureError: a folder without pictures; a style or a mask that cannot be read.
        MissingExtra: URLs or Ray without the extra that they need.

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
    """How a run goes over its photos: see `stylize_folder`."""

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
    """Go over photos, whatever is done to them.

    Args:
        find: plans which photo becomes which file.
        make_work: what is done to each, and a text for each file that it depends on besides.
    Raises:
        ImpastoError: the run cannot begin.
    """
    found = find()
    if running.watch and found.jobs and len(found.refused) == len(found.jobs):  # later ones are refused one by one
        raise next(iter(found.refused.values()))
    saving.check(found.jobs)
    if found.folder is None:
        for job in found.jobs:
            if not os.path.lexists(job.target):  # else it may be a device, in whose folder nobody may write
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
    """An ending as files have it.

    Raises:
        UsageError: no format that can be written has it.
    """
    suffix = text and f".{text.lstrip('.')}"
    if suffix and suffix.lower() not in SUFFIXES:
        raise UsageError(f"suffix {suffix} is unknown", f"one of {' '.join(SUFFIXES)}", code="unknown-format")
    return suffix


def check_running(
    photos: Sequence[str], output: str | None, jobs: int, hosts: Hosts = "local", *, watch: bool = False
) -> None:
    """Refuse a run that makes no sense.

    Raises:
        UsageError: there are no photos, or the options contradict each other.
    """
    if not photos:
        raise UsageError("no photos", code="nothing-given")
    if not 1 <= jobs <= 64:
        raise UsageError(f"jobs {jobs} is not in 1..64", code="out-of-range")
    if hosts not in get_args(Hosts):
        raise UsageError(f"hosts {hosts!r} are unknown", f"one of {', '.join(get_args(Hosts))}", code="unknown-choice")
    here = hosts == "local" and not any(map(is_url, (*photos, output or "")))
    if watch and not (here and len(photos) == 1 and Path(photos[0]).is_dir()):
        raise UsageError(
            "--watch waits for photos in one folder of this machine",
            "impasto stylize FOLDER --watch -o FOLDER",
            code="conflict",
        )


def _ledger(found: Plan, saving: Saving, work: Work, files: list[str]) -> Ledger | None:
    if found.folder is None:
        return None
    from impasto.batch.ledger import ledger_in  # here, since a single photo need not wait for it

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
    """Gives a folder's ledger, the same at each look at the folder."""

    @functools.cache
    def ledger(folder: str) -> Ledger:
        from impasto.batch.ledger import ledger_in  # here, since a single photo need not wait for it

        return ledger_in(folder, {})

    return ledger


def _arriving(find: Callable[[], Plan], folder: str) -> Arrived:
    """What lies in a folder now; nothing while the folder is away, as a drive or a NAS may be."""
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

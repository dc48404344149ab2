"""`impasto stylize`: one photo, several, or a folder of them."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import get_args

import click

from impasto.cli import batch, hosts, options
from impasto.cli.command import Command, argument, option
from impasto.cli.console import note, print_json, report
from impasto.cli.manifest import Manifest, file_facts
from impasto.cli.options import check_saving, read_memory, read_region
from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, EngineName, engine_of
from impasto.errors import ImpastoError, PictureError, UsageError
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.picture.formats import ANIMATED, SUFFIXES, format_of
from impasto.styles.resolve import parse
from impasto.system.files import remove_stale
from impasto.system.remote import is_url

EXAMPLES = """
impasto stylize photo.jpg --style starry-night -o out.png
impasto stylize photo.jpg --style my_painting.jpg --strength 70 --keep-color luminance -o out.jpg
impasto stylize photo.jpg --style starry-night:0.6 --style great-wave:0.4 -o blend.png
impasto stylize photo.jpg --style udnie --region sky.png=great-wave --region face.png=none -o regions.png
impasto stylize photos/ --style the-scream -o painted/
impasto stylize s3://bucket/photos --style the-scream -o s3://bucket/painted --engine-hosts ray
impasto stylize incoming/ --style the-scream --watch -o painted/
cat photo.jpg | impasto stylize - --style udnie -o - > out.png
"""

FORMATS = sorted({suffix.lstrip(".") for suffix in SUFFIXES})


@click.command(cls=Command, examples=EXAMPLES)
@argument(
    "photos",
    "Photos, or folders of photos; - reads one from standard input.",
    nargs=-1,
    required=True,
    type=options.PLACE,
)
@options.style(required=True)
@options.region
@option("--output", "-o", type=options.PLACE, help="A file, a folder, or - for standard output.", panel="Output")
@option("--format", help=f"Write {', '.join(FORMATS)}, whatever the name's ending.", panel="Output")
@options.quality
@options.bits
@options.mark
@options.overwrite
@option("--watch", is_flag=True, help="Wait for photos that arrive in the folder.", panel="Running")
@option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 64),
    default=2,
    help="How many photos are worked on at once.",
    panel="Running",
)
@option(
    "--engine",
    type=click.Choice(get_args(EngineName)),
    default=DEFAULT,
    help="What paints: light is fast and plainer; adain and wct are slow.",
    panel="Painting",
)
@option(
    "--engine-hosts",
    type=click.Choice(get_args(hosts.EngineHosts)),
    default="local",
    help="Paint on this machine, or on all of the Ray cluster that RAY_ADDRESS names.",
    panel="Running",
)
@options.memory
@options.max_pixels
@options.quiet
@options.json
@options.settings(Controls, "controls", "Controls")
def stylize(
    photos: tuple[str, ...],
    style: tuple[str, ...],
    controls: Controls,
    region: tuple[str, ...],
    output: str | None,
    format: str | None,
    quality: int,
    bits: int,
    mark: bool,
    overwrite: bool,
    watch: bool,
    jobs: int,
    engine: EngineName,
    engine_hosts: hosts.EngineHosts,
    memory: str | None,
    max_pixels: int,
    quiet: bool,
    json: bool,
) -> None:
    """Paint photos in the style of a painting, or of several."""
    regions = [read_region(text) for text in region]
    files = [parse(text)[0] for text in style] + [text for pair in regions for text in pair]
    suffix = _suffix(format)
    if watch and (len(photos) != 1 or not Path(photos[0]).is_dir()):
        raise UsageError("--watch waits for photos in one folder", "impasto stylize FOLDER --watch -o FOLDER")
    label = "-".join(parse(text)[0] for text in style)
    remote = engine_hosts != "local" or any(is_url(text) for text in (*photos, output or ""))
    if remote and watch:
        raise UsageError("--watch waits for photos in a folder of this machine")

    def find() -> list[batch.Job]:
        try:
            return batch.plan(photos, output, label, suffix, inputs=files)
        except PictureError:  # none are there yet
            if watch:
                return []
            raise

    away = hosts.plan(photos, output, suffix) if remote else []
    work = [] if remote else find()
    file_format = suffix and format_of(Path(f"x{suffix}"))

    def format_for(target: Path | None) -> str:
        return file_format or format_of(target or Path("x.png"))

    formats = [format_for(job.target) for job in work] + [format_for(Path(job.target)) for job in away]
    depth = check_saving(quality, bits, formats, "--format png or --format tiff")
    if json and any(job.target is None for job in work):
        raise UsageError("--json and a picture cannot both go to standard output", "-o FILE")

    budget = read_memory(memory)
    painter = engine_of(engine, budget)
    stylizer = Stylizer(style, regions=regions, controls=controls, painter=painter, max_pixels=max_pixels)
    if engine_hosts == "local":
        stylizer.prepare()

    settings = stylizer.made_with() | {
        "files": [file_facts(file) for file in files],
        "writing": [suffix, quality, depth, mark],
    }
    manifest = None
    if not remote and any(Path(photo).is_dir() for photo in photos):
        manifest = Manifest(Path(str(output)), settings)
        remove_stale({job.target.parent for job in work if job.target is not None})

    def paint(job: batch.Job) -> batch.Record:
        started = time.perf_counter()
        replaces = overwrite
        noted: Callable[[bytes], AbstractContextManager[object]] = contextlib.nullcontext
        if manifest is not None and isinstance(job.source, Path) and job.target is not None and job.source.is_file():
            key = manifest.key(job.source)
            if manifest.is_done(job.target, key) and not overwrite:
                return {"input": job.name, "output": str(job.target), "skipped": True}
            replaces = overwrite or manifest.is_ours(job.target)
            noted = functools.partial(manifest.writing, job.target, key)
        batch.check_target(job, overwrite=replaces)
        photo = Picture.open(
            job.source if isinstance(job.source, bytes) else str(job.source),
            max_pixels=max_pixels,
            at_most=stylizer.controls.size,
        )
        painted = stylizer(photo)
        target_format = format_for(job.target)
        if photo.frames and target_format not in ANIMATED:
            note(f"{job.name} moves, {target_format} does not: only its first frame is written")
        data = painted.encode(target_format, quality=quality, bits=depth, mark=mark)
        with noted(data):
            batch.write(job, data, overwrite=replaces)
        return {
            "input": job.name,
            "output": "-" if job.target is None else str(job.target),
            "size": [painted.width, painted.height],
            "style": stylizer.style.label,
            "engine": stylizer.engine,
            "seconds": round(time.perf_counter() - started, 3),
        }

    skipped = 0

    def show(record: batch.Record) -> None:
        nonlocal skipped
        skipped += "skipped" in record
        if json:
            print_json(record)
        elif not quiet and "skipped" not in record and record["output"] != "-":
            width, height = record["size"]
            print(f"{record['output']}  {width} x {height}  {record['style']}  {record['seconds']:.2f} s", flush=True)

    def failed(name: str, error: ImpastoError) -> None:
        report(error.message if name in error.message else f"{name}: {error.message}", error.hint)
        if json:
            print_json({"input": name, "error": error.message, "hint": error.hint})

    def run(work: Sequence[batch.Job]) -> int:
        bar = len(work) > 1 and not quiet and not json and sys.stderr.isatty()
        return batch.run(work, paint, show, lambda job, error: failed(job.name, error), jobs=jobs, progress=bar)

    if watch:
        if not quiet:
            note(f"waiting for photos in {photos[0]}; Ctrl-C ends it")
        batch.watch(find, run)
    if remote:
        saving = file_format, quality, depth, mark, overwrite
        painting = hosts.RemotePainting(stylizer, str(settings), *saving, max_pixels)
        code = hosts.run(away, painting, show, failed, engine_hosts=engine_hosts, jobs=jobs)
    else:
        code = run(work)
    if skipped and not quiet and not json:
        print(f"{skipped} were painted before and have not changed; --overwrite paints them again")
    if code:
        raise click.exceptions.Exit(code)


def _suffix(format: str | None) -> str | None:
    if format is None:
        return None
    if format.lower().lstrip(".") not in FORMATS:
        raise UsageError(f"--format {format} is unknown", f"one of {', '.join(FORMATS)}")
    return "." + format.lower().lstrip(".")

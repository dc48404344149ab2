"""`impasto optimize`: the slow engine, for one photo or a texture."""

from __future__ import annotations

import json as json_module
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli import defaults, options
from impasto.cli.command import Command, argument, option
from impasto.cli.console import INTERRUPTED, note, print_json
from impasto.cli.options import check_saving, read_region
from impasto.cli.progress import watched
from impasto.controls import Controls
from impasto.errors import MissingExtra, PictureError, UsageError
from impasto.optimization.loss_plot import plot, terms
from impasto.optimization.recipe import RECIPES, Recipe, find_recipe
from impasto.picture import Picture
from impasto.picture.formats import format_of
from impasto.picture.limits import check_size
from impasto.picture.reading import file_bytes, size_of
from impasto.system.files import already_there, write_atomically

if TYPE_CHECKING:
    from impasto.optimization.optimize import Optimization

LOSSES = (".csv", ".json", ".png")
EXAMPLES = """
impasto optimize photo.jpg --style painting.jpg -o out.png
impasto optimize photo.jpg --style a.jpg:0.7 --style b.jpg:0.3 --size 768 --preview steps/ -o out.png
impasto optimize photo.jpg --style a.jpg --region sky.png=b.jpg --region face.png=none -o out.png
impasto optimize --texture --style stones.jpg --size 1024x512 --tileable -o texture.png
impasto optimize photo.jpg --style a.jpg --recipe gatys2016 --losses curve.png
"""


@click.command(cls=Command, examples=EXAMPLES)
@argument("photo", "The photo. Leave it out for a texture.", required=False, type=options.PATH)
@options.style(required=True)
@options.region
@defaults.presets()
@option(
    "--size",
    help="Longer side in pixels, or WIDTHxHEIGHT for a texture; default: the photo's own size.",
    panel="Controls",
)
@option("--recipe", default="default", help=f"One of {', '.join(RECIPES)}.")
@option("--texture", is_flag=True, help="Make a new texture in the style, without a photo.")
@option("--tileable", is_flag=True, help="Make opposite borders of the texture match.")
@option("--output", "-o", type=options.PATH, help="File of the result; default: beside the photo.", panel="Output")
@option("--preview", type=options.PATH, help="Folder for intermediate pictures.", panel="Output")
@option(
    "--preview-every", type=click.IntRange(min=1), default=20, help="Evaluations between two previews.", panel="Output"
)
@option(
    "--losses",
    type=options.PATH,
    help="Write the loss of every evaluation to a .csv, .json or .png (plot) file.",
    panel="Output",
)
@options.quality
@options.bits
@options.mark
@options.strip_location
@options.strip_metadata
@options.overwrite
@options.network
@options.device
@options.precision
@options.max_pixels
@options.quiet
@options.json
@options.settings(Controls, "controls", "Controls", without=("size",))
@options.settings(Recipe, "changes", "Recipe: each option here replaces the recipe's value", only_typed=True)
def optimize(
    photo: Path | None,
    style: tuple[str, ...],
    controls: Controls,
    changes: dict[str, Any],
    region: tuple[str, ...],
    size: str | None,
    recipe: str,
    texture: bool,
    tileable: bool,
    output: Path | None,
    preview: Path | None,
    preview_every: int,
    losses: Path | None,
    quality: int,
    bits: int,
    mark: bool,
    strip_location: bool,
    strip_metadata: bool,
    overwrite: bool,
    network: Path | None,
    device: str,
    precision: str,
    max_pixels: int,
    quiet: bool,
    json: bool,
) -> None:
    """Paint a photo by optimizing its pixels: minutes instead of a second, for the best result of the method.

    Ctrl-C keeps the best picture so far. A second Ctrl-C stops at once. --start FILE continues from a picture.
    """
    started = time.perf_counter()
    chosen = replace(find_recipe(recipe), **changes)
    target = _target(photo, output, texture, style)
    if texture:
        _refuse_for_textures(photo, region, controls, changes)
    else:
        _refuse_for_photos(photo, tileable)
    width, height = _size(size, texture)
    depth = check_saving(quality, bits, [format_of(target)], "PNG and TIFF do")
    _check_files(photo, target, losses, preview, overwrite)
    _check_size(photo, target, width, height, controls)
    try:
        from impasto.optimization import optimize as optimizer
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which optimize needs,", "torch") from None

    if not quiet and not json:
        _say_thumbnails(style)
    shared: dict[str, Any] = {
        "recipe": chosen,
        "network": network,
        "device": device,
        "precision": precision,
        "max_pixels": max_pixels,
        "on_memory": None if quiet or json else _say_memory,
    }
    with watched(quiet=quiet or json, preview=preview, every=preview_every) as on_progress:
        if texture:
            assert width is not None
            assert height is not None
            result = optimizer.texture(
                style,
                width,
                height,
                tileable=tileable,
                brush_size=controls.brush_size,
                seed=controls.seed,
                on_progress=on_progress,
                **shared,
            )
        else:
            assert photo is not None
            regions = [read_region(text) for text in region]
            values = asdict(controls) | {"size": width}
            result = optimizer.optimize(photo, style, regions=regions, on_progress=on_progress, **shared, **values)
    result.picture.save(
        target,
        quality=quality,
        bits=depth,
        mark=mark,
        strip_location=strip_location,
        strip_metadata=strip_metadata,
        overwrite=overwrite,
    )
    if losses is not None:
        _write_losses(result, losses, overwrite)
    _report(result, target, time.perf_counter() - started, quiet, json)
    if result.stopped:
        raise click.exceptions.Exit(INTERRUPTED)


def _refuse_for_photos(photo: Path | None, tileable: bool) -> None:
    if photo is None:
        raise UsageError("no photo given", "impasto optimize PHOTO --style STYLE, or --texture", code="nothing-given")
    if tileable:
        raise UsageError("--tileable needs --texture", "add --texture", code="conflict")


def _target(photo: Path | None, output: Path | None, texture: bool, style: tuple[str, ...]) -> Path:
    if output is None:
        stem = "texture" if texture or photo is None else photo.stem
        parent = Path() if texture or photo is None else photo.parent
        names = "-".join(Path(text.partition(":")[0]).stem for text in style)
        output = parent / f"{stem}-{names}-optimized.png"
    elif output.is_dir():
        raise UsageError(f"-o {output} is a folder", "-o FILE", code="not-a-file")
    format_of(output)  # refuses unknown endings
    return output


def _check_files(photo: Path | None, target: Path, losses: Path | None, preview: Path | None, overwrite: bool) -> None:
    """Refuse files that cannot be written, before minutes of work."""
    if losses is not None and losses.suffix.lower() not in LOSSES:
        raise UsageError(f"--losses {losses}: unknown format", f"one of {', '.join(LOSSES)}", code="unknown-format")
    for path in (target, losses):
        if path is None:
            continue
        if path.exists() and not overwrite:
            raise already_there(path)
        if path.parent.exists() and not os.access(path.parent, os.W_OK):
            raise PictureError(f"{path.parent} cannot be written to", code="not-writable")
    if photo is not None and target.exists() and target.samefile(photo):
        raise UsageError(f"{target} is the photo itself", "give the result another name", code="same-file")
    if preview is not None and preview.exists() and not preview.is_dir():
        raise UsageError(f"--preview {preview} is not a folder", code="not-a-folder")


def _check_size(photo: Path | None, target: Path, width: int | None, height: int | None, controls: Controls) -> None:
    """Refuse a size that the target's format cannot store."""
    if photo is not None:
        width, height = replace(controls, size=width).output_size(*size_of(file_bytes(photo), str(photo)))
    if width is not None and height is not None:
        check_size(format_of(target), width, height, str(target))


def _refuse_for_textures(
    photo: Path | None, region: tuple[str, ...], controls: Controls, changes: dict[str, Any]
) -> None:
    if photo is not None:
        raise UsageError("--texture takes no photo", "leave out PHOTO or --texture", code="conflict")
    if region:
        raise UsageError("--texture takes no --region", code="conflict")
    plain = Controls(brush_size=controls.brush_size, seed=controls.seed)
    wrong = [name for name, value in asdict(controls).items() if value != getattr(plain, name)]
    wrong += [name for name in ("content_layers", "content_weight") if name in changes]
    if wrong:
        raise UsageError(f"--{wrong[0].replace('_', '-')} needs a photo, and --texture takes none", code="conflict")


def _size(text: str | None, texture: bool) -> tuple[int | None, int | None]:
    if text is None:
        return (512, 512) if texture else (None, None)
    parts = text.lower().split("x")
    if not all(part.isdecimal() and 0 < int(part) <= 100_000 for part in parts) or len(parts) > 2:
        raise UsageError(f"--size {text} is not a size", "1024x512" if texture else "768", code="malformed")
    if not texture and len(parts) == 2:
        raise UsageError(
            f"--size {text}: a photo keeps its proportions", "--size 768 is the longer side", code="malformed"
        )
    return int(parts[0]), int(parts[-1])


def _say_thumbnails(styles: tuple[str, ...]) -> None:
    from impasto.styles.gallery import Gallery
    from impasto.styles.resolve import parse

    gallery = Gallery()
    for name in (text if text in gallery else parse(text)[0] for text in styles):
        if name in gallery:
            note(f"only a thumbnail of {name} is available; the painting's file gives finer strokes")


def _say_memory(need: int) -> None:
    note(f"this needs about {need / 1e9:.1f} GB of memory")


def _write_losses(result: Optimization, path: Path, overwrite: bool) -> None:
    names = list(dict.fromkeys(name for row in result.losses for name in row))
    if path.suffix.lower() == ".json":
        data = (json_module.dumps(result.losses, indent=1) + "\n").encode()
    elif path.suffix.lower() == ".csv":
        rows = [",".join(names), *(",".join(f"{row.get(name, 0):.6g}" for name in names) for row in result.losses)]
        data = ("\n".join(rows) + "\n").encode()
    else:
        data = plot(result.losses)
    write_atomically(path, data, overwrite=overwrite)


def _report(result: Optimization, target: Path, seconds: float, quiet: bool, json: bool) -> None:
    picture: Picture = result.picture
    last = result.losses[-1] if result.losses else {}
    if json:
        print_json(
            {
                "output": str(target),
                "size": [picture.width, picture.height],
                "evaluations": len(result.losses),
                "stopped": result.stopped,
                "losses": terms(last),
                "seconds": round(seconds, 3),
            }
        )
        return
    if result.stopped:
        note(f"stopped after {len(result.losses)} evaluations; {target} is the best picture so far")
    if not quiet:
        total = f"  loss {last['total']:.4f}" if last else ""
        print(f"{target}  {picture.width} x {picture.height}  {len(result.losses)} evaluations{total}  {seconds:.1f} s")

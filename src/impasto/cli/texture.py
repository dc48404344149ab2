"""`impasto texture`: paint the textures of a 3-D model."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from impasto.cli import defaults, options
from impasto.cli.command import Command, argument, option
from impasto.cli.console import note, print_json
from impasto.cli.options import read_memory, read_region
from impasto.cli.progress import told_of_stops, watched
from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, EngineName
from impasto.errors import UsageError
from impasto.system.names import shortened

if TYPE_CHECKING:
    from impasto.textures.paint import PaintedModel

EXAMPLES = """
impasto texture model.glb --style starry-night -o painted.glb
impasto texture model.gltf --style my_painting.jpg --strength 70 --brush-size 0.5 -o painted/model.gltf
impasto texture model.obj --style the-scream --preview turntable.gif -o painted.obj
impasto texture robot.glb --style udnie --region material:Glass=none --region part:Head=great-wave -o painted.glb
impasto texture model.glb --style starry-night --optimize --recipe fast -o painted.glb
"""


@click.command(cls=Command, examples=EXAMPLES)
@argument("model", "The model: .glb, .gltf and its files, or .obj and its .mtl.", type=options.PATH)
@options.style(required=True)
@option(
    "--region",
    type=options.PLACE,
    multiple=True,
    metavar="PART=STYLE",
    help="Paint a part in another style. STYLE none keeps the part. PART is material:NAME, part:NAME (a mesh, node or "
    "object), group:NAME (of vertices, or a joint), or a mask with the textures' layout. Add ,strength=60 or "
    ",brush-size=2 to change both there.",
)
@defaults.presets()
@option("--emissive", is_flag=True, help="Also paint emissive textures.")
@option("--optimize", is_flag=True, help="Paint with the optimizer: takes minutes, comes closest to the style.")
@option("--recipe", help="Recipe of the optimizer, default if not given: see impasto optimize.")
@option(
    "--output", "-o", type=options.PATH, help="File of the painted model; default: beside the model.", panel="Output"
)
@option("--preview", type=options.PATH, help="Turntable of the model: .gif, .webp, .png or .jpg.", panel="Output")
@options.overwrite
@options.engine
@options.device
@options.memory
@options.max_pixels
@options.quiet
@options.json
@options.settings(Controls, "controls", "Controls", without=("size",))
def texture(
    model: Path,
    style: tuple[str, ...],
    controls: Controls,
    region: tuple[str, ...],
    emissive: bool,
    optimize: bool,
    recipe: str | None,
    output: Path | None,
    preview: Path | None,
    overwrite: bool,
    engine: EngineName,
    device: str,
    memory: str | None,
    max_pixels: int,
    quiet: bool,
    json: bool,
) -> None:
    """Paint the textures of a 3-D model, without seams and with equal strokes on the whole object.

    Base color textures are painted. Everything else in the file stays, byte for byte.
    """
    from impasto.textures.paint import paint_textures

    started = time.perf_counter()
    if output is None:
        output = model.with_name(shortened(f"{model.stem}-painted{model.suffix}", 255))
    _check_engine(optimize, recipe, device, engine)
    with told_of_stops("nothing was written"), watched(quiet=quiet or json, at_once=True) as on_progress:
        result = paint_textures(
            model,
            style,
            output,
            regions=[read_region(text) for text in region],
            engine=engine,
            recipe=(recipe or "default") if optimize else None,
            device=device,
            emissive=emissive,
            memory=read_memory(memory),
            max_pixels=max_pixels,
            overwrite=overwrite,
            preview=preview,
            on_progress=on_progress,
            **{name: value for name, value in asdict(controls).items() if name != "size"},
        )
    _report(result, preview, time.perf_counter() - started, quiet, json)


def _check_engine(optimize: bool, recipe: str | None, device: str, engine: EngineName) -> None:
    """Refuse options of the optimizer without --optimize, and --engine with it."""
    if optimize and engine != DEFAULT:
        raise UsageError("--optimize and --engine exclude each other", "leave out one of them", code="conflict")
    if not optimize and (recipe is not None or device != "auto"):
        name = "--recipe" if recipe is not None else "--device"
        raise UsageError(f"{name} needs --optimize", "add --optimize", code="conflict")


def _report(result: PaintedModel, preview: Path | None, seconds: float, quiet: bool, json: bool) -> None:
    for line in result.notes:
        note(line)
    if json:
        print_json(
            {
                "output": str(result.files[0]),
                "files": [str(path) for path in result.files],
                "textures": [
                    {"name": name, "size": [picture.width, picture.height]}
                    for name, picture in zip(result.names, result.pictures, strict=True)
                ],
                "seam_step": {"before": round(result.source_step, 5), "after": round(result.step, 5)},
                "seam_score": round(result.seam_score, 3),
                "preview": None if preview is None else str(preview),
                "notes": result.notes,
                "seconds": round(seconds, 3),
            }
        )
    elif not quiet:
        count = len(result.pictures)
        kinds = f"{count} texture{'s' * (count != 1)}"
        print(f"{result.files[0]}  {kinds}  seams {result.seam_score:.2f} of the source's  {seconds:.1f} s")

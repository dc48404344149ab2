"""`impasto presets`: named sets of styles and controls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, get_args

import click

from impasto.cli import defaults, options
from impasto.cli.command import Group, argument, option
from impasto.cli.console import note, print_json, print_table
from impasto.cli.defaults import complete_preset, say_left_out
from impasto.cli.options import read_region, region_text
from impasto.controls import Controls
from impasto.engines.by_name import EngineName
from impasto.errors import ImpastoError, UsageError
from impasto.presets import store
from impasto.presets.preset import SUFFIX, Preset
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import parse
from impasto.styles.store import as_name
from impasto.system.files import write_atomically

name_argument = argument("name", "The preset's name.", shell_complete=complete_preset)
overwrite = option("--overwrite", is_flag=True, help="Replace a preset of that name.")

EXAMPLES = """
impasto presets save quiet-night --style starry-night --strength 60 --keep-color luminance
impasto presets save quiet-night --like painted.jpg
impasto stylize photo.jpg --preset quiet-night -o out.png
impasto presets export quiet-night -o quiet-night.impasto.json
impasto presets add quiet-night.impasto.json
"""


@click.group(cls=Group, invoke_without_command=True, examples=EXAMPLES)
@options.json
@click.pass_context
def presets(context: click.Context, json: bool) -> None:
    """List, save, share and remove presets: styles and controls under a name.

    Without a verb, list all presets. Use a preset with --preset NAME or --preset FILE.
    """
    if context.invoked_subcommand:
        return
    found: list[tuple[str, Preset]] = []
    for name in store.names():
        try:
            found.append((name, Preset.open(name)))
        except ImpastoError as error:
            note(str(error))
    if json:
        for name, preset in found:
            print_json({"name": name, **preset.as_dict()})
    else:
        print_table(["name", "styles", "controls"], ((name, _styles(one), _controls(one)) for name, one in found))


@presets.command()
@name_argument
@options.json
def show(name: str, json: bool) -> None:
    """Show a preset, and the path of its file."""
    preset, path = Preset.open(name), store.preset_file(name)
    if json:
        print_json({"name": name, **preset.as_dict(), "file": str(path)})
        return
    rows = {"title": preset.title, "styles": _styles(preset), "controls": _controls(preset), "engine": preset.engine}
    regions = map(region_text, preset.regions)
    for key, value in (rows | {"regions": " ".join(regions), "file": str(path)}).items():
        print(f"{key:10} {value or '-'}")


@presets.command()
@name_argument
@option("--title", default="", show_default=False, help="Title for people.")
@options.style()
@options.region
@option("--engine", type=click.Choice(get_args(EngineName)), help="Engine that paints.")
@overwrite
@options.quiet
@defaults.presets()
@options.settings(Controls, "controls", "Controls", only_typed=True)
def save(
    name: str,
    title: str,
    style: tuple[str, ...],
    region: tuple[str, ...],
    engine: EngineName | None,
    overwrite: bool,
    quiet: bool,
    controls: dict[str, Any],
) -> None:
    """Save styles and controls as a preset: typed ones, a picture's, or another preset's.

    A preset leaves controls that you do not give to its users. It refers to a painting's file, and does not copy it.
    """
    regions = [read_region(text) for text in region]
    drawn = [one for one in regions if not one.automatic]
    if drawn:
        message = f"a preset cannot contain drawn masks: {drawn[0].mask}"
        raise UsageError(message, "use person, background or faces, which Impasto finds in each photo", code="conflict")
    if not (style or controls or regions):
        raise UsageError(
            "the preset would be empty", f"impasto presets save {name} --style STYLE", code="nothing-given"
        )
    Controls(**controls)
    gallery = Gallery()
    styles = tuple(_lasting(text, gallery) for text in style)
    layers = tuple(
        one if one.style in ("", "none") else replace(one, style=_lasting(one.style, gallery)[0]) for one in regions
    )
    preset = Preset(styles, controls, layers, engine or "", title)
    Preset.of(preset.as_dict(), name)
    store.save(name, preset, replace=overwrite)
    if not quiet:
        print(f"{name} saved: impasto stylize photo.jpg --preset {name}")


@presets.command()
@argument("file", "A preset's file.", type=options.PLACE)
@option("--name", help="Name of the preset; default: from the file's name.")
@overwrite
@options.quiet
def add(file: str, name: str | None, overwrite: bool, quiet: bool) -> None:
    """Add a preset from a file that `export` or the page has written."""
    preset = Preset.open(Path(file))
    say_left_out(preset, file)
    name = name or as_name(PurePath(file).name.removesuffix(".json").removesuffix(".impasto"), "preset")
    store.save(name, preset, replace=overwrite)
    if not quiet:
        print(f"{name} saved: impasto stylize photo.jpg --preset {name}")


@presets.command()
@name_argument
@option("--output", "-o", type=options.PATH, help=f"A file, or - for standard output; default: NAME{SUFFIX}.")
@option("--overwrite", is_flag=True, help="Replace a file that exists.")
@options.quiet
def export(name: str, output: Path | None, overwrite: bool, quiet: bool) -> None:
    """Write a preset to a file, for others. They also need the files of its paintings."""
    preset = Preset.open(name)
    used = (*(style for style, _ in preset.styles), *(one.style for one in preset.regions))
    paintings = [style for style in used if Path(style).is_absolute()]
    data = preset.with_styles(lambda style: PurePath(style).name if style in paintings else style).as_json()
    if output is not None and str(output) == "-":
        print(data.decode(), end="")
        return
    target = output or Path(f"{name}{SUFFIX}")
    write_atomically(target, data, overwrite=overwrite)
    if not quiet:
        print(target)
        for painting in paintings:
            note(f"also pass on {painting}: the preset looks for {PurePath(painting).name} beside its file")


@presets.command()
@name_argument
def remove(name: str) -> None:
    """Delete a preset."""
    store.remove(name)
    print(f"{name} removed")


def _lasting(text: str, gallery: Gallery) -> tuple[str, float]:
    """Return a style and its weight. A painting's file gets its full path, since the preset is used elsewhere."""
    style, weight = (text, 1.0) if text in gallery else parse(text)
    if style not in gallery:
        if not Path(style).is_file():
            raise gallery.unknown(style)
        style = str(Path(style).resolve())
    return style, weight


def _styles(preset: Preset) -> str:
    if len(preset.styles) == 1:
        return preset.styles[0][0]
    return " + ".join(f"{style}:{weight:g}" for style, weight in preset.styles)


def _controls(preset: Preset) -> str:
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in preset.controls.items())

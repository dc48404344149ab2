"""`impasto train`: train networks of your own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from impasto.cli import options
from impasto.cli.command import Group, argument, option
from impasto.cli.console import print_json
from impasto.cli.options import complete_style
from impasto.cli.train_collection import collection, pairs
from impasto.cli.train_enlarger import enlarger
from impasto.cli.training import Run, report, running, train_watched
from impasto.engines.by_name import DEFAULT, engine_of
from impasto.enlarging import store
from impasto.errors import MissingExtra, UsageError
from impasto.picture.formats import SUFFIXES
from impasto.styles.gallery import Gallery
from impasto.styles.store import as_name
from impasto.system.files import already_there, write_atomically
from impasto.system.listing import files_in
from impasto.training.recipe import RECIPES, TrainingRecipe, find_recipe

EXAMPLES = """
impasto train style --style painting.jpg --photos photos/ --name my-style
impasto train style --style painting.jpg --photos photos/ --name my-style --resume
impasto train style --styles paintings/ --photos photos/ --name my-gallery --recipe light
torchrun --nproc-per-node 2 -m impasto train style --style painting.jpg --photos s3://bucket/coco/
"""


@click.group(cls=Group)
def train() -> None:
    """Train your own networks, and export them."""


@train.command(examples=EXAMPLES)
@option("--photos", type=options.PLACE, required=True, help="Folder of photographs, tar shards, or a URL of either.")
@option(
    "--style", "-s", type=options.PATH, multiple=True, help="File of a painting. Several paintings share one network."
)
@option("--styles", type=options.PATH, help="Folder of paintings, which share one network.")
@option("--name", help="Name of the style; default: from the painting's file.")
@option("--recipe", default="default", help=f"One of {', '.join(RECIPES)}.")
@option(
    "--sample",
    type=options.PATH,
    multiple=True,
    help="Photo to paint from time to time; default: the built-in one.",
    panel="Output",
)
@running
@options.settings(TrainingRecipe, "changes", "Recipe: each option here replaces the recipe's value", only_typed=True)
def style(
    photos: str,
    changes: dict[str, Any],
    style: tuple[Path, ...],
    styles: Path | None,
    name: str | None,
    recipe: str,
    sample: tuple[Path, ...],
    run: Run,
) -> None:
    """Train a feed-forward network for one painting, or one for several (Johnson et al. 2016).

    Ctrl-C saves a checkpoint and the network so far. --resume continues.
    """
    paintings = _paintings(style, styles)
    name = (
        as_name(next(iter(paintings)) if len(paintings) == 1 or styles is None else styles.name)
        if name is None
        else name
    )
    gallery = Gallery()
    gallery.check_free(name, replace=run.replaces)
    if len(paintings) == 1:
        paintings = {name: next(iter(paintings.values()))}
    try:
        from impasto.exchange.export import to_onnx, to_weights
        from impasto.training.style_job import StyleJob
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which training needs,", "train") from None
    from impasto.picture import Picture
    from impasto.system.files import ASSETS

    chosen, how = run.settled(find_recipe(recipe), recipe, name)
    job = StyleJob(
        photos,
        **how,
        samples=sample or (ASSETS / "samples" / "colosseum.jpg",),
        styles=paintings,
        recipe=replace(chosen, **changes),
    )
    trained = train_watched(job, run)
    if trained is None:  # another of several processes reports
        return
    card = trained.card | {"license": run.license}
    gallery.add_network(
        name,
        to_onnx(trained.net, list(paintings), card),
        paintings=[Picture.open(path) for path in paintings.values()],
        weights=to_weights(trained.net, list(paintings), card),
        replace=True,
    )
    names = [name] if len(paintings) == 1 else [f"{name}/{style}" for style in paintings]
    try_it = f"impasto stylize photo.jpg --style {names[0]}"
    report(trained, name, job.folder, try_it, {"styles": names}, run)


train.add_command(collection)
train.add_command(pairs)
train.add_command(enlarger)


COCO = """No folder of photographs? The papers train on COCO 2017: 118,287 photographs, 19 GB.

  curl -LO http://images.cocodataset.org/zips/train2017.zip
  unzip -q train2017.zip
  impasto train style --style painting.jpg --photos train2017/

Each photographer sets the license of the photographs (cocodataset.org). Any folder of a few thousand photographs
works as well."""


@train.command()
@argument("folder", "A folder, tar shards, or a URL of either.", type=options.PLACE, required=False)
@options.json
def photos(folder: str | None, json: bool) -> None:
    """Count the photographs that are fit for training. Without a folder, say where to get some."""
    if folder is None:
        print(COCO)
        return
    try:
        from impasto.training.data import find_photos
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which training needs,", "train") from None
    found = find_photos(folder)
    if json:
        print_json({"photographs": len(found.items), "damaged": found.damaged, "tiny": found.tiny})
    else:
        print(f"{len(found.items)} photographs, {found.damaged} damaged files, {found.tiny} too small")


@train.command()
@argument("name", "Your network, one of its styles (NETWORK/STYLE), or your enlarger.", shell_complete=complete_style)
@option("--onnx", type=options.PATH, help="Write one style as an .onnx file with one input and one output.")
@option("--torch-export", type=options.PATH, help="Write a .pt2 file of torch.export.")
@option("--safetensors", type=options.PATH, help="Write the tensors and their model card.")
@options.overwrite
def export(name: str, onnx: Path | None, torch_export: Path | None, safetensors: Path | None, overwrite: bool) -> None:
    """Export one of your networks for other programs."""
    targets = {"onnx": onnx, "torch_export": torch_export, "safetensors": safetensors}
    if not any(targets.values()):
        raise UsageError(
            "no file to write", "--onnx FILE, --torch-export FILE or --safetensors FILE", code="nothing-given"
        )
    for path in targets.values():
        if path is not None and path.exists() and not overwrite:
            raise already_there(path)
    if name in store.own_names():
        _export_enlarger(name, targets, overwrite=overwrite)
        return
    gallery = Gallery()
    if name in gallery and gallery.get(name).network is None:
        _export_style(name, targets, overwrite=overwrite)
        return
    network, _, style = name.partition("/")
    weights = gallery.weights(network)
    try:
        from impasto.exchange import export as write
        from impasto.exchange import generators
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which export needs,", "train") from None
    generator = generators.from_weights(weights)
    if generator is not None:
        made: dict[str, Callable[[], bytes]] = {
            "onnx": lambda: generators.to_onnx(*generator, statistics=False),
            "safetensors": lambda: generators.to_weights(*generator),
        }
        _write(made, targets, "generators can be", overwrite=overwrite)
        return
    net, facts = write.from_weights(weights)
    net, styles = write.chosen(net, facts.styles, network, style)
    if onnx is not None and len(styles) > 1:
        raise UsageError(
            f"{name} contains {len(styles)} styles, but an .onnx file for other programs contains one",
            f"impasto train export {name}/{styles[0]} --onnx {onnx}",
            code="several-styles",
        )
    makers: dict[str, Callable[..., bytes]] = {
        "onnx": functools.partial(write.to_onnx, statistics=False),
        "torch_export": write.to_program,
        "safetensors": write.to_weights,
    }
    _write(
        {kind: functools.partial(make, net, styles, facts.card or {}) for kind, make in makers.items()},
        targets,
        "networks can be",
        overwrite=overwrite,
    )


def _export_style(name: str, targets: dict[str, Path | None], *, overwrite: bool) -> None:
    """Export a style of the painter, or of the light engine if only that has learned it."""
    from impasto.exchange import style_network

    entry = Gallery().get(name)
    only_light = "light" in entry.learned and DEFAULT not in entry.learned
    gallery = Gallery(painter=engine_of(entry.engine or ("light" if only_light else DEFAULT)))
    made = {"onnx": lambda: style_network.to_onnx(gallery.painter, gallery.vector(name), name, entry.card)}
    _write(made, targets, "styles of the painter can be", overwrite=overwrite)


def _export_enlarger(name: str, targets: dict[str, Path | None], *, overwrite: bool) -> None:
    try:
        from impasto.exchange import enlarger as write
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which export needs,", "train") from None
    net, card = write.from_weights(store.weights(name))
    made: dict[str, Callable[[], bytes]] = {
        "onnx": lambda: write.to_onnx(net, card, whole=True),
        "safetensors": lambda: write.to_weights(net, card),
    }
    _write(made, targets, "enlargers can be", overwrite=overwrite)


def _write(
    made: Mapping[str, Callable[[], bytes]], targets: Mapping[str, Path | None], subject: str, *, overwrite: bool
) -> None:
    """Write the files that the user asked for.

    Raises:
        UsageError: the network cannot be written in one of the forms.
    """
    wanted = {kind: path for kind, path in targets.items() if path is not None}
    if not wanted.keys() <= made.keys():
        raise UsageError(f"{subject} written only as {' or '.join(made)}", "--onnx FILE", code="conflict")
    for kind, path in wanted.items():
        write_atomically(path, made[kind](), overwrite=overwrite)
        print(path)


def _paintings(files: tuple[Path, ...], folder: Path | None) -> dict[str, Path]:
    """Return {name: painting}."""
    found = list(files)
    if folder is not None:
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}", code="no-such-folder")
        found += files_in(folder, SUFFIXES)
    if not found:
        raise UsageError("no painting given", "--style FILE or --styles FOLDER", code="nothing-given")
    named: dict[str, Path] = {}
    for path in found:
        name = as_name(path.stem)
        if name in named:
            raise UsageError(
                f"{named[name]} and {path} would both get the name {name}", "rename one of the files", code="name-taken"
            )
        named[name] = path
    return named

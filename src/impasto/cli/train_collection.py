"""`impasto train collection` and `impasto train pairs`: train networks against a critic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli import options
from impasto.cli.command import Command, option
from impasto.cli.training import Run, report, running, train_watched
from impasto.engines.by_name import engine_of
from impasto.errors import MissingExtra
from impasto.styles.gallery import Gallery
from impasto.styles.mosaic import mosaic
from impasto.system.files import ASSETS
from impasto.training.gan_recipe import (
    COLLECTION_RECIPES,
    PAIRS_RECIPES,
    CollectionRecipe,
    PairsRecipe,
    find_collection_recipe,
    find_pairs_recipe,
)

if TYPE_CHECKING:
    from impasto.picture import Picture
    from impasto.training.job import Trained

COLLECTION_EXAMPLES = """
impasto train collection --paintings monet/ --photos photos/ --name monet
impasto train collection --paintings monet/ --photos photos/ --name monet --resume
impasto train collection --paintings monet/ --photos photos/ --name monet --recipe cyclegan --device cuda
impasto stylize photo.jpg --style monet -o out.png
"""
PAIRS_EXAMPLES = """
impasto train pairs --inputs edges/ --targets photos/ --name from-edges
impasto train pairs --inputs facades/ --name facades --recipe light
impasto stylize drawing.png --style from-edges -o out.png
"""

_unchecked = option("--unchecked", is_flag=True, help="Train even if the folders look unsuitable.", panel="Running")
_sample = option(
    "--sample",
    type=options.PATH,
    multiple=True,
    help="Photo to paint from time to time; default: the built-in one.",
    panel="Output",
)


@click.command(cls=Command, examples=COLLECTION_EXAMPLES)
@option("--paintings", type=options.PLACE, required=True, help="Folder of paintings, tar shards, or a URL of either.")
@option("--photos", type=options.PLACE, required=True, help="Folder of photographs, tar shards, or a URL of either.")
@option("--name", required=True, help="Name of the style.")
@option("--recipe", default="default", help=f"One of {', '.join(COLLECTION_RECIPES)}.")
@_sample
@_unchecked
@running
@options.settings(CollectionRecipe, "changes", "Recipe: each option here replaces the recipe's value", only_typed=True)
def collection(
    paintings: str,
    photos: str,
    changes: dict[str, Any],
    name: str,
    recipe: str,
    sample: tuple[Path, ...],
    unchecked: bool,
    run: Run,
) -> None:
    """Learn the style of many paintings, of any subjects (Park et al. 2020, Zhu et al. 2017).

    Ctrl-C saves a checkpoint and the network so far. --resume continues.
    """
    Gallery().check_free(name, replace=run.replaces)
    try:
        from impasto.training.gan_job import CollectionJob, some_pictures
        from impasto.training.translation import Cycle
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which training needs,", "train") from None
    chosen, how = run.settled(find_collection_recipe(recipe), recipe, name)
    chosen = replace(chosen, **changes)
    if chosen.method == "cyclegan":
        Gallery().check_free(f"{name}-back", replace=run.replaces)
    job = CollectionJob(
        photos,
        **how,
        samples=sample or (ASSETS / "samples" / "colosseum.jpg",),
        paintings=paintings,
        unchecked=unchecked,
        recipe=chosen,
    )
    shown, back = (mosaic(some_pictures(found, 9)) for found in (job.collection, job.found))
    trained = train_watched(job, run)
    if trained is None:  # another of several processes reports
        return
    card = trained.card | {"license": run.license}
    names = [_keep(name, trained.net.generator, card, shown)]
    if isinstance(trained.net, Cycle):
        names.append(_keep(f"{name}-back", trained.net.back, card | {"direction": "paintings to photos"}, back))
    _report(trained, name, job.folder, names, run)


@click.command(cls=Command, examples=PAIRS_EXAMPLES)
@option("--inputs", type=options.PLACE, required=True, help="Folder of inputs, tar shards, or a URL of either.")
@option(
    "--targets",
    type=options.PLACE,
    help="Folder of targets with the same names; default: the right half of each input.",
)
@option("--name", required=True, help="Name of the style.")
@option("--recipe", default="default", help=f"One of {', '.join(PAIRS_RECIPES)}.")
@_unchecked
@running
@options.settings(PairsRecipe, "changes", "Recipe: each option here replaces the recipe's value", only_typed=True)
def pairs(
    inputs: str,
    targets: str | None,
    changes: dict[str, Any],
    name: str,
    recipe: str,
    unchecked: bool,
    run: Run,
) -> None:
    """Learn a mapping from pairs of pictures: edges to photos, gray to color (Isola et al. 2017: pix2pix).

    Ctrl-C saves a checkpoint and the network so far. --resume continues.
    """
    Gallery().check_free(name, replace=run.replaces)
    try:
        from impasto.training.gan_job import PairsJob, some_pictures
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which training needs,", "train") from None
    chosen, how = run.settled(find_pairs_recipe(recipe), recipe, name)
    job = PairsJob(
        inputs,
        **how,
        targets=targets,
        unchecked=unchecked,
        recipe=replace(chosen, **changes),
    )
    shown = mosaic(some_pictures(job.found_targets, 9))
    trained = train_watched(job, run)
    if trained is None:  # another of several processes reports
        return
    names = [_keep(name, trained.net.generator, trained.card | {"license": run.license}, shown)]
    _report(trained, name, job.folder, names, run)


def _keep(name: str, generator: Any, card: Mapping[str, Any], shown: Picture) -> str:
    """Add the trained generator to the gallery, as a style of the engine that learned it or as a network."""
    from impasto.exchange import generators
    from impasto.training.translation import EngineGenerator

    if isinstance(generator, EngineGenerator):
        gallery = Gallery(painter=engine_of(generator.engine))
        gallery.add(name, shown, vector=generator.style(), card=card, license=str(card["license"]), replace=True)
        return name
    generator = generator.eval()
    network, weights = generators.to_onnx(generator, name, card), generators.to_weights(generator, name, card)
    Gallery().add_network(name, network, paintings=[shown], weights=weights, replace=True)
    return name


def _report(trained: Trained[Any], name: str, folder: Path, names: list[str], run: Run) -> None:
    engine = " --engine light" if trained.card["recipe"]["generator"] == "light" else ""
    try_it = f"impasto stylize photo.jpg --style {name}{engine}"
    report(trained, name, folder, try_it, {"styles": names}, run)

"""`impasto train enlarger`: train super-resolution networks of your own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from impasto.cli import options
from impasto.cli.command import Command, option
from impasto.cli.training import Run, report, running, train_watched
from impasto.enlarging import store
from impasto.errors import MissingExtra
from impasto.system.files import ASSETS
from impasto.training.enlarger_recipe import RECIPES, EnlargerRecipe, find_recipe

EXAMPLES = """
impasto train enlarger --photos photos/ --scale 4 --name mine
impasto train enlarger --photos photos/ --scale 4 --name mine --resume
impasto train enlarger --photos etchings/ --scale 2 --name etchings --recipe pixels
impasto enlarge photo.jpg --kind mine -o big.png
"""


@click.command(cls=Command, examples=EXAMPLES)
@option("--photos", type=options.PLACE, required=True, help="Folder of large pictures, tar shards, or a URL of either.")
@option("--scale", type=click.Choice(["2", "3", "4"]), default="4", help="Enlargement factor.")
@option("--name", required=True, help="Name of the enlarger.")
@option("--start", type=options.PATH, help="Weights of another enlarger to start from (.safetensors).")
@option("--recipe", default="default", help=f"One of {', '.join(RECIPES)}.")
@option(
    "--sample",
    type=options.PATH,
    multiple=True,
    help="Picture to enlarge from time to time; default: the built-in one.",
    panel="Output",
)
@running
@options.settings(EnlargerRecipe, "changes", "Recipe: each option here replaces the recipe's value", only_typed=True)
def enlarger(
    photos: str,
    changes: dict[str, Any],
    scale: str,
    name: str,
    start: Path | None,
    recipe: str,
    sample: tuple[Path, ...],
    run: Run,
) -> None:
    """Train a network that enlarges pictures, with perceptual losses (Johnson et al. 2016).

    Training scales the large pictures down to make the small ones. Ctrl-C saves a checkpoint and the network so far.
    --resume continues.
    """
    store.check_free(name, replace=run.replaces)
    try:
        from impasto.exchange.enlarger import to_onnx, to_weights
        from impasto.training.enlarger_job import EnlargerJob
    except ImportError as error:
        raise MissingExtra(f"{error.name}, which training needs,", "train") from None
    chosen, how = run.settled(find_recipe(recipe), recipe, name)
    job = EnlargerJob(
        photos,
        **how,
        samples=sample or (ASSETS / "samples" / "colosseum.jpg",),
        scale=int(scale),  # type: ignore[arg-type]
        start=start,
        recipe=replace(chosen, **changes),
    )
    trained = train_watched(job, run)
    if trained is None:  # another of several processes reports
        return
    card = trained.card | {"license": run.license}
    weights = store.keep(name, to_onnx(trained.net, card), to_weights(trained.net, card))
    try_it = f"impasto enlarge photo.jpg --kind {name}"
    report(trained, name, job.folder, try_it, {"scale": job.scale, "weights": str(weights)}, run)

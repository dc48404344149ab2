"""`impasto train enlarger`: super-resolution networks of the user's own."""

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
@option("--scale", type=click.Choice(["2", "3", "4"]), default="4", help="How many times as large.")
@option("--name", required=True, help="What it will be called.")
@option("--start", type=options.PATH, help="Weights of another enlarger to begin with (.safetensors).")
@option("--recipe", default="default", help=f"One of {', '.join(RECIPES)}.")
@option(
    "--sample",
    type=options.PATH,
    multiple=True,
    help="A picture to enlarge now and then; the built-in one if not given.",
    panel="Output",
)
@running
@options.settings(EnlargerRecipe, "changes", "Recipe: each given here replaces the recipe's own", only_typed=True)
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
    """Train a network that enlarges, with perceptual losses (Johnson et al. 2016).

    Small pictures are made of the large ones. Ctrl-C saves a checkpoint and what has been learned so far; --resume goes
    on.
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
    card = trained.card | {"licence": run.licence}
    weights = store.keep(name, to_onnx(trained.net, card), to_weights(trained.net, card))
    try_it = f"impasto enlarge photo.jpg --kind {name}"
    report(trained, name, job.folder, try_it, {"scale": job.scale, "weights": str(weights)}, run)

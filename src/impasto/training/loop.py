"""The training of a style network, from top to bottom: step after step, and all that is kept on the way.

Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer and Super-Resolution, ECCV 2016; instance
normalisation after Ulyanov et al. 2016, several styles after Dumoulin et al. 2017.
"""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import io
import json
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed, nn

from impasto.errors import PictureError, StyleError, UsageError
from impasto.nn.device import find_device, find_precision
from impasto.nn.tensors import to_tensor
from impasto.nn.transformer import Architecture, TransformerNet
from impasto.nn.vgg import VGG, cached_vgg, load_vgg, shipped_vgg
from impasto.picture import Picture
from impasto.pixels.arrays import fit
from impasto.system.files import write_atomically
from impasto.training.data import Crops, Photos, batches, find_photos, readers_watched
from impasto.training.log import METRICS, Log
from impasto.training.objective import TrainingObjective, disturbed, stability
from impasto.training.recipe import TrainingRecipe
from impasto.version import __version__

CHECKPOINT = "checkpoint.pt"
SETTINGS = "run.json"
_FORMAT = 1
_LOG_EVERY = 10  # steps
_PATIENCE = 20  # steps in a row whose losses are not finite


@dataclass(frozen=True)
class Job:
    """What is trained, on what, and where it is kept.

    Attributes:
        styles: {name: painting}, in the order of the network's styles.
        photos: a folder or URL: see `impasto.training.data.find_photos`.
        folder: for checkpoints, curves and samples.
        network: the loss network's file; None, the shipped VGG-19, or VGG-16 from the torch hub's cache.
        device, precision: see `impasto.nn.device`; a training that goes on keeps the type "auto" stood for.
        workers: processes that read photographs; None, as many as there are processors to spare, up to four.
        checkpoint_every, sample_every: steps.
        samples: photographs that are painted every `sample_every` steps.
    """

    styles: dict[str, Path]
    photos: str
    folder: Path
    recipe: TrainingRecipe
    network: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    workers: int | None = None
    checkpoint_every: int = 500
    sample_every: int = 500
    samples: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Trained:
    """What came out.

    Attributes:
        net: with the averaged weights.
        step, total: how far it got.
        stopped: whether it was told to end early.
        losses: of the last step that was logged.
        card: how it was made.
        seconds: of all runs together.
    """

    net: TransformerNet
    step: int
    total: int
    stopped: bool
    losses: dict[str, float]
    card: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class Step:
    """Where the training stands: what `on_step` is told."""

    step: int
    total: int
    losses: dict[str, float]
    images_per_second: float
    damaged: int


OnStep = Callable[[Step], "bool | None"]


def train(
    job: Job,
    *,
    resume: bool = False,
    overwrite: bool = False,
    on_photos: Callable[[Photos], None] | None = None,
    on_step: OnStep | None = None,
) -> Trained | None:
    """Train a network, or go on with it exactly where it stopped.

    With several processes (torchrun) every one calls this; the global batch is that of the recipe. The process group
    stays for another training: call `leave` after the last.

    Args:
        resume: go on with the training in the folder.
        overwrite: begin anew there, whatever it holds.
        on_photos: called once, by the first process, with what was found.
        on_step: called after every step, by the first process; returning False stops after a checkpoint.
    Returns:
        The network; None in all processes but the first.
    Raises:
        UsageError: a folder that holds a run already; or `resume`, and there is none or its settings differ.
        PictureError: a picture that cannot be read, no photographs, or a disk that is full: the last checkpoint stays.
        StyleError: losses that are not finite, or a checkpoint that is damaged.
    """
    recipe = job.recipe
    device = find_device(job.device)
    job = _with_precision(job, device, resume)
    half = job.precision == "bfloat16"
    fabric = _fabric(device, half)
    if recipe.batch_size % fabric.world_size:
        raise UsageError(f"a batch of {recipe.batch_size} cannot be shared by {fabric.world_size} processes")
    photos = find_photos(job.photos, job.folder / "photos.json" if fabric.global_rank == 0 else None)
    settings = _settings(job, photos)
    if fabric.global_rank == 0:
        if on_photos:
            on_photos(photos)
        if overwrite and not resume:
            _forget(job.folder)
        _claim(job.folder, settings, resume)
    fabric.barrier()

    torch.manual_seed(recipe.seed)
    net = TransformerNet(Architecture(recipe.width, recipe.blocks, len(job.styles)))
    net.to(fabric.device)  # before the optimiser has a state, which Fabric leaves where it is
    average = {name: value.clone() for name, value in net.state_dict().items()}
    optimizer = _optimizer(net, recipe)
    first, seconds = 0, 0.0
    if resume:
        first, seconds = _restore(job.folder / CHECKPOINT, net, optimizer, average)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model, optimizer = fabric.setup(net, optimizer)
    loss_net = _loss_network(job).to(device=fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss_net.convolutions.to(torch.bfloat16 if half else torch.float32)
    paintings = [_painting(path, recipe.style_size).to(fabric.device) for path in job.styles.values()]
    objective = TrainingObjective(loss_net, recipe, paintings)

    log = Log(job.folder, first) if fabric.global_rank == 0 else None
    samples = [_sample(path).to(fabric.device) for path in job.samples] if log else []
    crops = Crops(photos, recipe.size, recipe.seed)
    workers = _workers(job, fabric.world_size)
    source = batches(
        crops,
        first,
        recipe.iterations,
        recipe.batch_size,
        workers=workers,
        rank=fabric.global_rank,
        processes=fabric.world_size,
    )
    positions = range(fabric.global_rank, recipe.batch_size, fabric.world_size)

    step, stopped, damaged, failures = first, False, 0, 0
    losses: dict[str, float] = log.last if log else {}
    speed, logged_step = 0.0, first
    started = logged = time.perf_counter()

    def keep() -> None:
        if log:
            spent = seconds + time.perf_counter() - started
            _save(job.folder / CHECKPOINT, step, spent, net, optimizer, average)

    with _closing(log), readers_watched():
        for pictures, passed in source:
            rate = learning_rate(recipe, step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            pictures = pictures.to(fabric.device, memory_format=torch.channels_last)
            styles = torch.tensor([(step * recipe.batch_size + position) % len(job.styles) for position in positions])
            styles = styles.to(fabric.device)
            shares = nn.functional.one_hot(styles, len(job.styles)).float()  # N K

            painted = model(pictures, shares)
            terms = objective(painted, pictures, styles)
            if recipe.stability_weight:
                generator = torch.Generator().manual_seed(hash((recipe.seed, step, fabric.global_rank)) % 2**63)
                moved, shift = disturbed(pictures, generator)
                change = stability(painted, model(moved, shares), shift)
                terms["stability"] = recipe.stability_weight * change
            total = torch.stack(list(terms.values())).sum()
            fabric.backward(total)
            fabric.clip_gradients(model, optimizer, max_norm=recipe.clip, error_if_nonfinite=False)
            finite = bool(_mean(fabric, torch.isfinite(total.detach()).float()) == 1)
            if finite:
                optimizer.step()
                _follow(average, net, recipe.ema, step)
            optimizer.zero_grad(set_to_none=True)

            failures = 0 if finite else failures + 1
            if failures == _PATIENCE:
                raise StyleError("the losses are no numbers any more", "a lower --learning-rate, --precision float32")
            step += 1
            damaged += passed
            if step % _LOG_EVERY == 0 or step in (1, recipe.iterations):
                means = _mean(fabric, torch.stack([*terms.values(), total]).detach())
                losses = dict(zip([*terms, "total"], means.tolist(), strict=True))
                now = time.perf_counter()
                speed = (step - logged_step) * recipe.batch_size / (now - logged)
                logged, logged_step = now, step
                if log:
                    log.write(step, seconds + now - started, speed, rate, losses)
            if log and on_step:
                stopped = on_step(Step(step, recipe.iterations, losses, speed, damaged)) is False
            if fabric.world_size > 1:  # the first process tells the others
                stopped = bool(_mean(fabric, torch.tensor(float(stopped), device=fabric.device)) > 0)
            if step % job.checkpoint_every == 0 and step < recipe.iterations and not stopped:
                keep()
            if log and (step % job.sample_every == 0 or step == recipe.iterations or stopped):
                log.show(step, _paint(net, average, samples))
            if stopped:
                break
        keep()
    if log is None:
        return None
    result = _averaged(net, average)
    spent = seconds + time.perf_counter() - started
    card = _card(job, photos, step, losses, spent)
    return Trained(result, step, recipe.iterations, stopped, losses, card, spent)


def leave() -> None:
    """End the process group, if there is one: threads of it that outlive the interpreter can abort the process."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
        gc.collect()  # the threads are joined with the last object that holds the group


def learning_rate(recipe: TrainingRecipe, step: int) -> float:
    """The rate of a step, counted from 0: a straight rise, then a cosine down to a hundredth, or constant."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    if not recipe.cosine:
        return recipe.learning_rate
    way = (step - recipe.warmup) / max(1, recipe.iterations - recipe.warmup)
    return recipe.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, way))) / 2)


# What a training is made of.


def _mean(fabric: Fabric, value: Tensor) -> Tensor:
    """Over all processes."""
    found = fabric.all_reduce(value, reduce_op="mean")
    assert isinstance(found, Tensor)
    return found


def _with_precision(job: Job, device: torch.device, resume: bool) -> Job:
    """The job with the type that "auto" stands for; a training that goes on keeps the one it began with."""
    name = job.precision
    if name == "auto" and resume:
        name = read_settings(job.folder).get("precision", name)
    return dataclasses.replace(job, precision=str(find_precision(name, device)).removeprefix("torch."))


def _fabric(device: torch.device, half: bool) -> Fabric:
    """One device, or one for each process that torchrun has started."""
    world, local = (int(os.environ.get(name, 1)) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator=device.type,
        devices=local if world > 1 or device.index is None else [device.index],
        num_nodes=world // local,
        strategy="ddp" if world > 1 else "auto",
        precision="bf16-mixed" if half else "32-true",
    )
    fabric.launch()
    return fabric


def _optimizer(net: nn.Module, recipe: TrainingRecipe) -> torch.optim.Optimizer:
    parameters = net.parameters()
    if recipe.optimizer == "adam":
        return torch.optim.Adam(parameters, recipe.learning_rate)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, recipe.learning_rate)
    return torch.optim.SGD(parameters, recipe.learning_rate, momentum=0.9)


def _loss_network(job: Job) -> VGG:
    if job.network is not None:
        return load_vgg(job.network, "max", "zeros")
    if job.recipe.loss_network == "vgg19":
        return shipped_vgg("average", "replicate")
    path = cached_vgg(16)
    if path is None:
        raise UsageError("there is no VGG-16 here", "--network vgg16.pth, in torchvision's format")
    return load_vgg(path, "max", "zeros")


def _painting(path: Path, side: int) -> Tensor:
    picture = Picture.open(path).at_most(side)
    if min(picture.width, picture.height) < 32:
        raise UsageError(f"the style {path} is {picture.width} x {picture.height} pixels", "32 a side are needed")
    return to_tensor(picture.pixels)


def _sample(path: Path) -> Tensor:
    picture = Picture.open(path)
    picture = picture.resized(*(max(32, round(side / 4) * 4) for side in fit(picture.width, picture.height, 320)))
    return to_tensor(picture.pixels)


def _workers(job: Job, processes: int) -> int:
    if job.workers is not None:
        return job.workers
    return max(1, min(4, (os.cpu_count() or 1) // processes - 1))


# Averaged weights.


def _follow(average: dict[str, Tensor], net: nn.Module, memory: float, step: int) -> None:
    """An exponential mean that forgets its start: it follows faster in the first steps."""
    memory = min(memory, (1 + step) / (10 + step)) if memory else 0.0
    for name, value in net.state_dict().items():
        average[name].lerp_(value, 1 - memory)


def _averaged(net: TransformerNet, average: dict[str, Tensor]) -> TransformerNet:
    """A copy on the CPU with the averaged weights."""
    other = TransformerNet(net.architecture)
    other.load_state_dict({name: value.cpu() for name, value in average.items()})
    return other.eval()


def _paint(net: TransformerNet, average: dict[str, Tensor], samples: Sequence[Tensor]) -> list[list[Tensor]]:
    """Every sample in each of up to four styles, with the photo itself in front."""
    count = net.architecture.styles
    own = {name: value.clone() for name, value in net.state_dict().items()}
    net.load_state_dict(average)
    with torch.no_grad():
        shares = torch.eye(count, device=next(net.parameters()).device)[:4, None]  # up to four of 1 K
        rows = [[sample.cpu(), *(net(sample, share).cpu() for share in shares)] for sample in samples]
    net.load_state_dict(own)
    return rows


# What is kept, and whether it fits.


def _settings(job: Job, photos: Photos) -> dict[str, Any]:
    """Everything that the result depends on."""
    return {
        "styles": {name: hashlib.sha256(_bytes(path)).hexdigest()[:16] for name, path in job.styles.items()},
        "photos": photos.digest,
        "precision": job.precision,
        "network": None if job.network is None else job.network.name,
        **dataclasses.asdict(job.recipe),
    }


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"cannot read {path}: {error.strerror}") from error


def _claim(folder: Path, settings: dict[str, Any], resume: bool) -> None:
    """Refuse to mix two trainings."""
    path = folder / SETTINGS
    settings = json.loads(json.dumps(settings))  # as it comes back: lists for tuples
    if not resume:
        if (folder / CHECKPOINT).exists():  # without one there is nothing that could be lost
            raise UsageError(f"{folder} holds a training already", "--resume goes on with it, --overwrite begins anew")
        write_atomically(path, (json.dumps(settings, indent=1) + "\n").encode(), overwrite=True)
        return
    before = read_settings(folder)
    if before.get("precision") == "auto":  # a training from before the type was kept
        before["precision"] = settings["precision"]
    for name in dict.fromkeys([*before, *settings]):
        if before.get(name) != settings.get(name):
            label = name.replace("_", " ")
            raise UsageError(
                f"{label} was {before.get(name)} and is {settings.get(name)} now",
                "a training goes on with its own settings; another --name begins a new one",
            )


def _forget(folder: Path) -> None:
    """Delete what another training has left in a folder, and nothing else."""
    try:
        for name in (SETTINGS, CHECKPOINT, METRICS, "curves.png"):
            (folder / name).unlink(missing_ok=True)
        for name in ("samples", "tensorboard"):
            shutil.rmtree(folder / name, ignore_errors=True)
    except OSError as error:
        raise PictureError(f"cannot delete the training in {folder}: {error.strerror}") from error


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings of a run.

    Raises:
        UsageError: there is none to go on with.
    """
    if not (folder / CHECKPOINT).is_file():
        raise UsageError(f"there is nothing to resume in {folder}", "leave out --resume")
    try:
        found = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StyleError(f"{folder / SETTINGS} is missing or damaged") from error
    if not isinstance(found, dict):
        raise StyleError(f"{folder / SETTINGS} is damaged")
    return found


def _save(
    path: Path,
    step: int,
    seconds: float,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor],
) -> None:
    out = io.BytesIO()
    state = {
        "format": _FORMAT,
        "step": step,  # the order of the data, the crops and the rate follow from it
        "seconds": seconds,
        "network": net.state_dict(),
        "average": average,
        "optimizer": optimizer.state_dict(),
    }
    torch.save(state, out)
    write_atomically(path, out.getvalue(), overwrite=True)


def _restore(
    path: Path, net: nn.Module, optimizer: torch.optim.Optimizer, average: dict[str, Tensor]
) -> tuple[int, float]:
    """Put a checkpoint's state in place; its step, and the seconds spent."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["format"] != _FORMAT:
            raise ValueError(f"format {state['format']}")
        net.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        for name, value in state["average"].items():
            average[name].copy_(value)
        return int(state["step"]), float(state["seconds"])
    except Exception as error:  # PyTorch refuses in many ways
        raise StyleError(f"{path} cannot be resumed from", str(error).splitlines()[0][:120]) from error


@contextmanager
def _closing(log: Log | None) -> Iterator[None]:
    try:
        yield
    finally:
        if log:
            log.close()


def _card(job: Job, photos: Photos, step: int, losses: dict[str, float], seconds: float) -> dict[str, Any]:
    return {
        "made with": f"Impasto {__version__}",
        "date": date.today().isoformat(),
        "architecture": dataclasses.asdict(Architecture(job.recipe.width, job.recipe.blocks, len(job.styles))),
        "styles": list(job.styles),
        "photographs": {"count": len(photos.items), "digest": photos.digest},
        "recipe": dataclasses.asdict(job.recipe),
        "steps": step,
        "seconds": round(seconds),
        "losses": {name: round(value, 6) for name, value in losses.items()},
        "licence": "",
    }

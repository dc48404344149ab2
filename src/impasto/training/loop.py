"""Train a network: steps, log and checkpoints.

After Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer and Super-Resolution, ECCV 2016. Instance
normalization follows Ulyanov et al. 2016, several styles in one network Dumoulin et al. 2017.
"""

from __future__ import annotations

import gc
import logging
import os
import time
from contextlib import closing
from typing import Any, Generic

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed, nn

from impasto.errors import TrainingError, UsageError
from impasto.nn.device import find_device
from impasto.progress import OnProgress, Progress
from impasto.training import checkpoint
from impasto.training.average import AverageWeights
from impasto.training.data import batches, readers_watched
from impasto.training.descent import Descent
from impasto.training.job import Job, Net, Share, Terms, Trained
from impasto.training.log import Log
from impasto.training.need import check_memory

LOG_EVERY = 10  # steps
PATIENCE = 20  # steps in a row whose losses are not finite


def train(
    job: Job[Net], *, resume: bool = False, overwrite: bool = False, on_progress: OnProgress | None = None
) -> Trained[Net] | None:
    """Train a network, or resume a training exactly where it stopped.

    With several processes (torchrun), call this in every process. The recipe's batch is divided among them. The process
    group remains for further trainings: call `leave` after the last one.

    Args:
        resume: continue the training in the folder.
        overwrite: delete the training in the folder and start over.
        on_progress: called in the first process: once before the first step with the number of photographs, then after
            every step. Returning False after a step saves a checkpoint and stops.
    Returns:
        The result; None in all processes but the first.
    Raises:
        UsageError: the folder contains a training. Or, with `resume`: it contains none, or its settings differ.
        PictureError: a picture cannot be read, there are no photographs, or the disk is full. The last checkpoint
            remains.
        TrainingError: losses are not finite, the checkpoint is damaged, or a reading process was killed.
    """
    recipe, device = job.recipe, find_device(job.device)
    if recipe.size % job.multiple:
        raise UsageError(
            f"the crop size of this network must be a multiple of {job.multiple} pixels, not {recipe.size}",
            f"--size {max(1, recipe.size // job.multiple) * job.multiple}",
            code="mismatch",
        )
    job = job.with_precision(device, resume=resume)
    fabric = _fabric(device, job.precision)
    leads = fabric.global_rank == 0
    if recipe.batch_size % fabric.world_size:
        raise UsageError(
            f"a batch of {recipe.batch_size} cannot be divided evenly among {fabric.world_size} processes",
            f"--batch-size {-(-recipe.batch_size // fabric.world_size) * fabric.world_size}",
            code="mismatch",
        )
    photos = job.found
    if leads:
        if on_progress:
            on_progress(Progress(0, recipe.iterations, message=job.counted(photos)))
        if not resume:
            if not overwrite:
                checkpoint.check_unused(job.folder)
            job.check(photos)
            if overwrite:
                checkpoint.forget(job.folder)
        checkpoint.claim(job.folder, job.settings(photos), resume=resume)
    fabric.barrier()

    learner = Learner(job, fabric, resume=resume)
    source = batches(
        job.crops(photos),
        learner.step,
        recipe.iterations,
        recipe.batch_size,
        workers=job.readers(fabric.world_size),
        rank=fabric.global_rank,
        processes=fabric.world_size,
    )
    stopped = False
    with closing(_Record(job, learner, on_progress)) as record, readers_watched():
        for pictures, damaged in source:
            terms = learner.learn(pictures)
            record.measure(terms, damaged)
            stopped = bool(learner.mean(float(record.stops())) > 0)  # all processes learn the first one's decision
            at_end = stopped or learner.step == recipe.iterations
            if learner.step % job.checkpoint_every == 0 or at_end:
                record.keep()
            if learner.step % job.sample_every == 0 or at_end:
                record.show()
            if stopped:
                break
        seconds = record.seconds
    if not leads:
        return None
    card = job.card(photos, learner.step, record.losses, seconds)
    net = learner.average.network()
    return Trained(net, learner.step, recipe.iterations, stopped, record.losses, card, seconds, record.damaged)


def leave() -> None:
    """End the process group, if there is one. Its threads could otherwise abort the process at exit."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
        gc.collect()  # deletes the last reference to the group, which joins the threads


class Learner(Generic[Net]):
    """The state of a training: the network, its averaged weights, its losses and its optimizer.

    Args:
        fabric: one device, or this process's share of several.
        resume: start from the checkpoint in the job's folder.
    """

    def __init__(self, job: Job[Net], fabric: Fabric, *, resume: bool = False) -> None:
        self.recipe, self.fabric = job.recipe, fabric
        torch.manual_seed(job.recipe.seed)
        self.net = job.build()
        self.net.to(fabric.device)  # do this before the optimizer has a state, because Fabric does not move that
        self.average = AverageWeights(self.net, job.recipe.ema)
        optimizer = _optimizer(self.net, job.recipe)
        self.step, self.seconds = 0, 0.0
        beside: dict[str, Any] = {}
        if resume:
            self.step, self.seconds, beside = checkpoint.restore(job.folder, self.net, optimizer, self.average.values)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model, self.optimizer = fabric.setup(self.net, optimizer)
        self.losses = job.losses(fabric)
        check_memory(self.net, self.losses, self.model, job, fabric)
        self.losses.restore(beside)
        self._failures = 0  # steps in a row with losses that are not finite

    def learn(self, pictures: Tensor) -> Terms:
        """Take one step. If its losses are not finite, it changes nothing.

        Args:
            pictures: N x C x H x W, this process's share of the batch.
        Returns:
            The weighted losses, other measured values, and the sum of the losses as "total".
        Raises:
            TrainingError: the losses were not finite for twenty steps in a row.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate(self.step)
        share = Share(self.step, self.recipe.seed, self.fabric.global_rank, self.fabric.world_size)
        terms = self.losses(self.model, pictures.to(self.fabric.device, memory_format=torch.channels_last), share)
        total = torch.stack(list(terms.values())).sum()
        self.fabric.backward(total)
        self.fabric.clip_gradients(self.model, self.optimizer, max_norm=self.recipe.clip, error_if_nonfinite=False)
        if self.mean(torch.isfinite(total.detach()).float()) == 1:
            self.optimizer.step()
            self.average.follow(self.step)
            self.losses.follow()
            self._failures = 0
        else:
            self._failures += 1
        self.optimizer.zero_grad(set_to_none=True)
        if self._failures == PATIENCE:
            raise TrainingError(
                "the losses are no longer finite",
                "lower --learning-rate, or add --precision float32",
                code="not-finite",
            )
        self.step += 1
        return terms | self.losses.measured(self.model) | {"total": total}

    def mean(self, value: Tensor | float) -> Tensor:
        """Average a value over all processes. Call this in every process."""
        if not isinstance(value, Tensor):
            value = torch.tensor(value, device=self.fabric.device)
        found = self.fabric.all_reduce(value, reduce_op="mean")
        assert isinstance(found, Tensor)
        return found


class _Record(Generic[Net]):
    """Measures a training, reports its progress, and writes its log, checkpoints and samples.

    Every process has one, because the mean losses need all of them. Only the first process writes and reports.
    """

    def __init__(self, job: Job[Net], learner: Learner[Net], on_progress: OnProgress | None) -> None:
        self.job, self.learner, self.on_progress = job, learner, on_progress
        self.log = Log(job.folder, learner.step) if learner.fabric.global_rank == 0 else None
        self.losses: dict[str, float] = self.log.last if self.log else {}
        self.speed, self.damaged = 0.0, 0  # images a second; photographs that could not be read
        self._logged_step = learner.step
        self._started = self._logged = time.perf_counter()

    @property
    def seconds(self) -> float:
        """The time spent so far, in all runs."""
        return self.learner.seconds + time.perf_counter() - self._started

    def measure(self, terms: Terms, damaged: int) -> None:
        """Count damaged photographs. Log the losses of the first, the last and every tenth step."""
        self.damaged += damaged
        recipe, step = self.job.recipe, self.learner.step
        if step % LOG_EVERY and step not in (1, recipe.iterations):
            return
        means = self.learner.mean(torch.stack(list(terms.values())).detach())
        self.losses = dict(zip(terms, means.tolist(), strict=True))
        now = time.perf_counter()
        self.speed = (step - self._logged_step) * recipe.batch_size / (now - self._logged)
        self._logged, self._logged_step = now, step
        if self.log:
            self.log.write(step, self.seconds, self.speed, recipe.rate(step - 1), self.losses)

    def stops(self) -> bool:
        """Report the progress. Return True if the training was asked to stop."""
        if self.log is None or self.on_progress is None:
            return False
        step, total = self.learner.step, self.job.recipe.iterations
        facts = [f"{self.speed:.1f} images/s"] if self.speed else []
        facts += [f"{self.damaged} damaged photographs skipped"] if self.damaged else []
        return self.on_progress(Progress(step, total, step / total, ", ".join(facts), self.losses)) is False

    def keep(self) -> None:
        """Write a checkpoint."""
        beside = self.learner.losses.state()  # gathers the states of all processes
        if self.log:
            checkpoint.save(
                self.job.folder,
                step=self.learner.step,
                seconds=self.seconds,
                net=self.learner.net,
                optimizer=self.learner.optimizer,
                average=self.learner.average.values,
                beside=beside,
            )

    def show(self) -> None:
        """Write the curves and the samples."""
        if self.log is None:
            return
        with self.learner.average.in_place() as net:
            rows = self.learner.losses.show(net)
        self.log.show(self.learner.step, rows)

    def close(self) -> None:
        if self.log:
            self.log.close()


def _fabric(device: torch.device, precision: str) -> Fabric:
    """Return a Fabric for one device, or for one device in each process that torchrun started."""
    world, local = (int(os.environ.get(name, 1)) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator=device.type,
        devices=local if world > 1 or device.index is None else [device.index],
        num_nodes=world // local,
        strategy="ddp" if world > 1 else "auto",
        precision="bf16-mixed" if precision == "bfloat16" else "32-true",
    )
    fabric.launch()
    return fabric


def _optimizer(net: nn.Module, recipe: Descent) -> torch.optim.Optimizer:
    parameters = [value for value in net.parameters() if value.requires_grad]
    if recipe.optimizer == "adam":
        return torch.optim.Adam(parameters, recipe.learning_rate, recipe.betas)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, recipe.learning_rate, recipe.betas)
    return torch.optim.SGD(parameters, recipe.learning_rate, momentum=0.9)

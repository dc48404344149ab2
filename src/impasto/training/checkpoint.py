"""What a training keeps in its folder to go on from, and the check that it is the same training that goes on."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from impasto.errors import PictureError, TrainingError, UsageError, write_fault
from impasto.system.files import write_atomically
from impasto.training.log import CURVES, METRICS

CHECKPOINT = "checkpoint.pt"
SETTINGS = "run.json"
FORMAT = 1


def claim(folder: Path, settings: dict[str, Any], *, resume: bool) -> None:
    """Keep a training's settings, or compare those of a resumed one: two trainings never mix.

    Raises:
        UsageError: another training has begun here; or `resume`, and there is none or its settings differ.
        TrainingError: the settings are damaged.
        PictureError: the folder cannot be written to.
    """
    settings = json.loads(json.dumps(settings))  # as they come back: lists for tuples
    if not resume:
        check_unused(folder)
        data = (json.dumps(settings, indent=1) + "\n").encode()
        write_atomically(folder / SETTINGS, data, overwrite=True)
        return
    before = read_settings(folder)
    if before.get("precision") == "auto":  # a training of a version that did not keep the choice
        before["precision"] = settings["precision"]
    for name in dict.fromkeys([*before, *settings]):
        if before.get(name) != settings.get(name):
            label = name.replace("_", " ")
            raise UsageError(
                f"{label} was {before.get(name)} and is {settings.get(name)} now",
                "a training goes on with its own settings; another --name begins a new one",
                code="changed-settings",
            )


def check_unused(folder: Path) -> None:
    """Raises UsageError for a folder with another training's checkpoint; without one there is nothing to lose."""
    if (folder / CHECKPOINT).exists():
        raise UsageError(
            f"{folder} holds a training already",
            "--resume goes on with it, --overwrite begins anew",
            code="already-there",
        )


def forget(folder: Path) -> None:
    """Delete what another training has left in a folder, and nothing else.

    Raises:
        PictureError: the system refuses.
    """
    try:
        for name in (SETTINGS, CHECKPOINT, METRICS, CURVES):
            (folder / name).unlink(missing_ok=True)
        for name in ("samples", "tensorboard"):
            shutil.rmtree(folder / name, ignore_errors=True)
    except OSError as error:
        raise PictureError(
            f"cannot delete the training in {folder}: {error.strerror}", code=write_fault(error)
        ) from error


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings of the training in a folder.

    Raises:
        UsageError: there is none to go on with.
        TrainingError: they are damaged.
    """
    if not (folder / CHECKPOINT).is_file():
        raise UsageError(f"there is nothing to resume in {folder}", "leave out --resume", code="nothing-to-resume")
    try:
        found = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{folder / SETTINGS} is missing or damaged", "--overwrite begins anew", code="damaged-file"
        ) from error
    if not isinstance(found, dict):
        raise TrainingError(f"{folder / SETTINGS} is damaged", "--overwrite begins anew", code="damaged-file")
    if "cosine" in found:  # as earlier versions called it
        found["decay"] = "cosine" if found.pop("cosine") else "none"
    return found


def save(
    folder: Path,
    *,
    step: int,
    seconds: float,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor],
    beside: dict[str, Any],
) -> None:
    """Write the state after a step, whole or not at all.

    Args:
        step: steps that are done; the order of the photographs, the crops and the learning rate follow from it.
        seconds: spent so far, by all runs.
        average: the averaged weights.
        beside: what learns beside the network.
    Raises:
        PictureError: the disk is full; the checkpoint before stays.
    """
    state = {
        "format": FORMAT,
        "step": step,
        "seconds": seconds,
        "network": net.state_dict(),
        "average": average,
        "optimizer": optimizer.state_dict(),
        "beside": beside,
    }
    out = io.BytesIO()
    torch.save(state, out)
    write_atomically(folder / CHECKPOINT, out.getvalue(), overwrite=True)


def restore(
    folder: Path, net: nn.Module, optimizer: torch.optim.Optimizer, average: dict[str, Tensor]
) -> tuple[int, float, dict[str, Any]]:
    """Put a checkpoint's state in place; return its step, the seconds spent, and what learns beside the network.

    Raises:
        TrainingError: the checkpoint is damaged, or of a version of Impasto that keeps another form.
    """
    path = folder / CHECKPOINT
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["format"] == FORMAT:
            net.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
            for name, value in state["average"].items():
                average[name].copy_(value)
            return int(state["step"]), float(state["seconds"]), dict(state.get("beside", {}))
    except Exception as error:
        raise TrainingError(f"{path} is damaged", str(error).splitlines()[0][:120], code="damaged-file") from error
    raise TrainingError(
        f"{path} was written by another version of Impasto",
        f"it has format {state['format']}, this one reads {FORMAT}",
        code="other-version",
    )

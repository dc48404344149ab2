"""Save and restore a training in its folder, and refuse to resume it with other settings."""

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
    """Write a training's settings to its folder. If it resumes, compare them with the saved ones instead.

    This keeps two trainings from mixing in one folder.

    Raises:
        UsageError: another training is in the folder. Or, with `resume`: there is none, or its settings differ.
        TrainingError: the saved settings are damaged.
        PictureError: the folder cannot be written to.
    """
    settings = json.loads(json.dumps(settings))  # as JSON returns them: lists instead of tuples
    if not resume:
        check_unused(folder)
        data = (json.dumps(settings, indent=1) + "\n").encode()
        write_atomically(folder / SETTINGS, data, overwrite=True)
        return
    before = read_settings(folder)
    if before.get("precision") == "auto":  # written by a version that did not save the chosen precision
        before["precision"] = settings["precision"]
    for name in dict.fromkeys([*before, *settings]):
        if before.get(name) != settings.get(name):
            label = name.replace("_", " ")
            raise UsageError(
                f"{label} was {before.get(name)} and is {settings.get(name)} now",
                "resume with the saved settings, or start a new training with another --name",
                code="changed-settings",
            )


def check_unused(folder: Path) -> None:
    """Raise a UsageError if the folder holds the checkpoint of another training. Without one, nothing is lost."""
    if (folder / CHECKPOINT).exists():
        raise UsageError(
            f"{folder} already contains a training",
            "continue it with --resume, or start over with --overwrite",
            code="already-there",
        )


def forget(folder: Path) -> None:
    """Delete the files of a training from its folder, and nothing else.

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
    """Return the settings of the training in a folder.

    Raises:
        UsageError: the folder has no checkpoint to resume.
        TrainingError: the settings are damaged.
    """
    if not (folder / CHECKPOINT).is_file():
        raise UsageError(f"{folder} contains no training to resume", "leave out --resume", code="nothing-to-resume")
    try:
        found = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{folder / SETTINGS} is missing or damaged", "start over with --overwrite", code="damaged-file"
        ) from error
    if not isinstance(found, dict):
        raise TrainingError(f"{folder / SETTINGS} is damaged", "start over with --overwrite", code="damaged-file")
    if "cosine" in found:  # the name in earlier versions
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
    """Write the state after a step to the folder, completely or not at all.

    Args:
        step: completed steps. They determine the order of the photographs, the crops and the learning rate.
        seconds: time spent so far, in all runs.
        average: the averaged weights.
        beside: the state of what else learns, such as a critic.
    Raises:
        PictureError: the disk is full. The previous checkpoint remains.
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
    """Load a checkpoint into the network, the optimizer and the average.

    Returns:
        Completed steps, seconds spent, and the state of what else learns.
    Raises:
        TrainingError: the checkpoint is damaged, or another version of Impasto wrote it in another format.
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
        f"it has format {state['format']}; this version reads format {FORMAT}",
        code="other-version",
    )

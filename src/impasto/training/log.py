"""Write the log of a training: metrics.csv, curves.png, sample pictures, and TensorBoard files."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.errors import PictureError, write_fault
from impasto.nn.tensors import to_pixels
from impasto.picture import Picture
from impasto.system.files import write_atomically

METRICS = "metrics.csv"
CURVES = "curves.png"
_GAP = 4  # pixels between sample pictures


class Log:
    """The log files of one training. Every row is written to disk before the next step.

    Args:
        folder: the folder of the training.
        first: the step at which a resumed run begins. Later rows of the old log are dropped.
    """

    def __init__(self, folder: Path, first: int = 0) -> None:
        self.folder = folder
        self.path = folder / METRICS
        self.rows = [row for row in _read(self.path) if int(row["step"]) <= first] if first else []
        self._write_all()
        self._board = self._open_board(first)

    @property
    def last(self) -> dict[str, float]:
        """The losses of the last row."""
        row = self.rows[-1] if self.rows else {}
        return {name: value for name, value in row.items() if name not in _FACTS}

    def write(self, step: int, seconds: float, images_per_second: float, rate: float, losses: dict[str, float]) -> None:
        facts = dict(zip(_FACTS, (step, round(seconds, 3), round(images_per_second, 3), rate), strict=True))
        row = {**facts, **{name: float(f"{value:.6g}") for name, value in losses.items()}}
        self.rows.append(row)
        if len(self.rows) == 1:
            self._write_all()
        else:
            try:
                with self.path.open("a", newline="", encoding="utf-8") as file:
                    csv.DictWriter(file, list(row)).writerow(row)
            except OSError as error:
                raise PictureError(
                    f"cannot write {self.path}: {error.strerror}",
                    "the last checkpoint is intact: free some space, then continue with --resume",
                    code=write_fault(error),
                ) from error
        if self._board is not None:
            for name, value in losses.items():
                self._board.add_scalar(f"loss/{name}", value, step)
            self._board.add_scalar("learning rate", rate, step)
            self._board.add_scalar("images per second", images_per_second, step)

    def show(self, step: int, rows: Sequence[Sequence[Tensor]]) -> None:
        """Write the curves and the sample pictures, 1 x 3 x H x W each. A row is one photo."""
        if self.rows:
            write_atomically(self.folder / CURVES, plot(self.rows), overwrite=True)
        if not rows:
            return
        width = max(sum(picture.shape[3] + _GAP for picture in row) for row in rows)
        sheet = torch.ones(1, 3, sum(row[0].shape[2] + _GAP for row in rows), width)
        top = 0
        for row in rows:
            left = 0
            for picture in row:
                height, right = picture.shape[2], left + picture.shape[3]
                sheet[..., top : top + height, left:right] = picture.float()
                left = right + _GAP
            top += height + _GAP
        Picture(to_pixels(sheet)).save(self.folder / "samples" / f"step-{step:07d}.png", overwrite=True)
        if self._board is not None:
            self._board.add_image("samples", sheet[0].clamp(0, 1), step)

    def close(self) -> None:
        if self._board is not None:
            self._board.close()

    def _write_all(self) -> None:
        out = io.StringIO(newline="")
        if self.rows:
            writer = csv.DictWriter(out, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)
        write_atomically(self.path, out.getvalue().encode(), overwrite=True)

    def _open_board(self, first: int) -> Any:
        logging.getLogger("tensorboard").setLevel(logging.ERROR)
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:  # optional: the other files contain the same values
            return None
        return SummaryWriter(str(self.folder / "tensorboard"), purge_step=first + 1 if first else None)


SHARES = ("critic is right", "correlation", "diversity")
"""Columns that are not losses: see `impasto.training.watch`."""

_FACTS = ("step", "seconds", "images_per_second", "learning_rate")


def _read(path: Path) -> list[dict[str, float]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        return [{**row, "step": int(row["step"])} for row in rows]
    except (OSError, ValueError, TypeError, KeyError):  # a crash can truncate the last line
        return []


def plot(rows: Sequence[dict[str, float]]) -> bytes:
    """Plot every loss over the steps on a logarithmic scale, with a running mean. Return a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shares = [name for name in SHARES if name in rows[0]]
    figure = Figure(figsize=(8, 6.5 if shares else 4.5), dpi=120, layout="constrained")
    places = figure.subplots(2 if shares else 1, 1, sharex=True, squeeze=False, height_ratios=[2, 1] if shares else [1])
    losses = [name for name in rows[0] if name not in (*_FACTS, *SHARES)]
    for axes, names in zip(places[:, 0], (losses, shares), strict=False):
        for name in names:
            values = [row[name] for row in rows] if name in shares else [max(row[name], 1e-12) for row in rows]
            (line,) = axes.plot([row["step"] for row in rows], values, lw=0.6, alpha=0.4)
            axes.plot([row["step"] for row in rows], _smoothed(values), lw=1.6, color=line.get_color(), label=name)
        axes.legend(frameon=False)
    places[0, 0].set(ylabel="weighted loss", yscale="log")
    places[-1, 0].set(xlabel="step")
    FigureCanvasAgg(figure)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def _smoothed(values: Sequence[float]) -> list[float]:
    """Return running means over one fiftieth of the training."""
    span = max(1, len(values) // 50)
    windows = (values[max(0, i - span) : i + 1] for i in range(len(values)))
    return [sum(window) / len(window) for window in windows]

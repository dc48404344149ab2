"""Plot the losses of a run."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence


def terms(row: Mapping[str, float]) -> dict[str, float]:
    """Return the weighted losses of an evaluation and their total, without step, scale and time."""
    return {name: value for name, value in row.items() if name not in ("step", "scale", "seconds")}


def plot(losses: Sequence[Mapping[str, float]]) -> bytes:
    """Return a PNG that plots every term over the evaluations, on a log scale, with a line where a new scale begins."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    steps = [row["step"] for row in losses]
    names = list(terms(losses[0])) if losses else []
    for name in names:
        axes.plot(steps, [max(row[name], 1e-12) for row in losses], label=name, lw=2 if name == "total" else 1)
    scales = [row["scale"] for row in losses]
    for index in range(1, len(scales)):
        if scales[index] != scales[index - 1]:
            axes.axvline(steps[index], color="0.7", lw=0.8)
            axes.annotate(f"{scales[index]:g} px", (steps[index], 1), xycoords=("data", "axes fraction"), va="top")
    axes.set(xlabel="evaluation", ylabel="weighted loss", yscale="log")
    if names:
        axes.legend(frameon=False)
    FigureCanvasAgg(figure)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()

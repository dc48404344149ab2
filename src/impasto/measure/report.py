"""Write an evaluation to a folder: report.html (a single file), results.json and results.csv."""

from __future__ import annotations

import base64
import csv
import functools
import io
import json
from pathlib import Path

import numpy as np

from impasto.errors import MissingExtra
from impasto.measure.embedding import jpeg
from impasto.measure.evaluate import SUMMARY, Evaluation, Score, table
from impasto.measure.metrics import PATH_METRICS
from impasto.measure.paths import StylePath
from impasto.system.files import write_atomically
from impasto.version import __version__

TEMPLATE = Path(__file__).with_name("report.html.jinja")
PREVIEW_SIDE = 768  # longer side in pixels of a preview
MEANING = {
    "style": "Gram loss relative to the unpainted photo's, mean of the layers: 0 the style's statistics, 1 the photo's",
    "content": "squared difference of features, divided by the photo's energy: 0 the photo",
    "lpips": "perceptual distance to the photo",
    "ssim": "structural similarity to the photo: 1 the photo",
    "ms_ssim": "structural similarity over five scales: 1 the photo",
    "moments": "loss of means and deviations, relative to the unpainted photo's",
    "color": "distance of the result's colors to the style's",
    "variation": "total variation of the result",
    "seconds": "time to paint",
    "diversity": "mean perceptual distance between a photo's results in different styles",
    "recognized": "share of results whose nearest style, by means and deviations of features, is the right one",
    "frechet": "Fréchet distance of VGG features between results and styles (not the FID)",
    "path_length": "perceptual path length of a blend between two styles: mean step, divided by its squared weight",
    "path_detour": "sum of the steps' roots, divided by the root of the direct distance: 1 a straight path",
    "path_jump": "largest of the steps' roots, divided by their mean: 1 even",
}


def write_report(found: Evaluation, folder: Path, *, overwrite: bool = False) -> None:
    """Write the three files.

    Raises:
        PictureError: a file exists already, or the folder cannot be written to.
        MissingExtra: Matplotlib or Jinja2 is not installed.
    """
    files = {
        "results.json": json.dumps(as_dict(found), indent=1, ensure_ascii=False).encode(),
        "results.csv": _csv(found).encode(),
        "report.html": _html(found).encode(),
    }
    for name, data in files.items():
        write_atomically(folder / name, data, overwrite=overwrite)


def as_dict(found: Evaluation) -> dict[str, object]:
    return {
        "impasto": __version__,
        "judge": found.judge,
        "independent": found.independent,
        "size": found.size,
        "photos": found.photos,
        "styles": found.styles,
        "table": table(found),
        "sets": found.sets,
        "confusions": found.confusions,
        "paths": [_path_record(path) for path in found.paths],
        "failures": found.failures,
        "stopped": found.stopped,
        "results": [_record(score) for score in found.scores],
    }


def _record(score: Score) -> dict[str, object]:
    head = {"method": score.method, "photo": score.photo, "painting": score.style, "strength": score.strength}
    return head | {name: round(value, 6) for name, value in score.values.items()}


def _path_record(path: StylePath) -> dict[str, object]:
    rounded = {name: round(value, 6) for name, value in {"direct": path.direct, **path.values()}.items()}
    return path.route._asdict() | {"steps": [round(step, 6) for step in path.steps]} | rounded


def _csv(found: Evaluation) -> str:
    records = [_record(score) for score in found.scores]
    names = list(dict.fromkeys(name for record in records for name in record))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


def strength_plot(found: Evaluation) -> bytes:
    """Plot style loss over content loss as PNG. A method is a curve over strengths, or a point without them."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("Matplotlib", "torch") from None
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for method in found.methods():
        points = []
        for strength in found.strengths(method):
            values = [score.values for score in found.of(method, strength=strength)]
            content, style = (float(np.median([value[name] for value in values])) for name in ("content", "style"))
            points.append((content, style))
        x, y = zip(*points, strict=True)
        axes.plot(x, y, "o-", label=method)
        if len(points) > 1:
            for strength, point in zip(found.strengths(method), points, strict=True):
                axes.annotate(f"{strength:g}", point, textcoords="offset points", xytext=(4, 4), fontsize=8)
    axes.set_xlabel("content loss (0: the photo)")
    axes.set_ylabel("style loss (0: the style, 1: the photo)")
    axes.set_title("Lower left is better; numbers are strengths", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend()
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()


def _html(found: Evaluation) -> str:
    try:
        from jinja2 import Environment
    except ImportError:
        raise MissingExtra("Jinja2", "torch") from None
    template = Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        found=found,
        version=__version__,
        columns=["method", "pairs", *SUMMARY, "diversity", "recognized", "frechet", *PATH_METRICS],
        rows_of=table,
        meaning=MEANING,
        plot=base64.b64encode(strength_plot(found)).decode(),
        previews=lambda method: {(score.photo, score.style): score.preview for score in found.of(method)},
        jpeg=functools.partial(jpeg, side=PREVIEW_SIDE),
    )

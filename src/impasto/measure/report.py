"""A folder with what an evaluation found: report.html (all in one file), results.json and results.csv."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from impasto.errors import MissingExtra
from impasto.measure.evaluate import SUMMARY, Evaluation, Score, table
from impasto.picture import Picture
from impasto.pixels.arrays import fit
from impasto.system.files import write_atomically
from impasto.version import __version__

PREVIEW_SIDE = 768
MEANING = {
    "style": "Gram loss over the untouched photo's, mean of the layers: 0 the style's statistics, 1 nothing done",
    "content": "squared difference of features over the photo's energy: 0 the photo",
    "lpips": "perceptual distance to the photo",
    "ssim": "structural similarity to the photo: 1 the photo",
    "ms_ssim": "the same over five scales",
    "moments": "loss of means and deviations over the untouched photo's",
    "color": "distance of the result's colours to the style's",
    "variation": "total variation of the result",
    "seconds": "time to paint",
    "diversity": "mean perceptual distance between a photo's results in different styles",
    "recognised": "share of results whose nearest style is the right one",
    "frechet": "Fréchet distance of VGG features, results to styles (not the FID)",
}


def write_report(found: Evaluation, folder: Path, *, overwrite: bool = False) -> None:
    """Write the three files.

    Raises:
        PictureError: a file is there already, or the folder cannot be written to.
        MissingExtra: Matplotlib is not there.
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
        "failures": found.failures,
        "results": [_record(score) for score in found.scores],
    }


def _record(score: Score) -> dict[str, object]:
    head = {"method": score.method, "photo": score.photo, "painting": score.style, "strength": score.strength}
    return head | {name: round(value, 6) for name, value in score.values.items()}


def _csv(found: Evaluation) -> str:
    records = [_record(score) for score in found.scores]
    names = list(dict.fromkeys(name for record in records for name in record))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


def strength_plot(found: Evaluation) -> bytes:
    """Content against style, a curve over strength for each method; a method without strengths is a point. PNG."""
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
    axes.set_ylabel("style loss (0: the style, 1: nothing done)")
    axes.set_title("Further down and to the left is better; numbers are strengths", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend()
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()


def _html(found: Evaluation) -> str:
    warning = (
        ""
        if found.independent
        else "<p class=warning>These scores flatter an optimiser: its own network gave them.</p>"
    )
    plot = base64.b64encode(strength_plot(found)).decode()
    styles = "".join(
        f"<h3>{html.escape(style)}</h3>{_html_table(table(found, style=style))}"
        for style in found.styles
        if any(score.style == style for score in found.scores)
    )
    meanings = "".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in MEANING.items())
    failures = "".join(f"<li>{html.escape(line)}</li>" for line in found.failures)
    confusions = "".join(_html_confusion(method, counts, found) for method, counts in found.confusions.items())
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Impasto: evaluation</title>
<meta name="viewport" content="width=device-width"><style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin: .5rem 0 1.5rem; }}
td, th {{ padding: .2rem .6rem; border-bottom: 1px solid #8884; text-align: right; white-space: nowrap; }}
td:first-child, th:first-child {{ text-align: left; }}
.grid img {{ width: 11rem; display: block; cursor: zoom-in; }}
.warning {{ background: #fd85; padding: .5rem 1rem; }}
dialog {{ max-width: 96vw; padding: 0; border: 0; }} dialog img {{ max-width: 94vw; max-height: 90vh; width: 60rem; }}
dt {{ font-weight: bold; float: left; clear: left; width: 8rem; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #181716; color: #ddd; }} }}
</style>
<h1>Evaluation</h1>
<p>{len(found.photos)} photos, {len(found.styles)} styles, {found.size} pixels, scored by {html.escape(found.judge)};
Impasto {__version__}. Medians over pairs at full strength, with 95&nbsp;% intervals by bootstrap.</p>{warning}
{_html_table(table(found))}
<dl>{meanings}</dl>
<h2>Content against style</h2><p><img alt="content against style" src="data:image/png;base64,{plot}"></p>
<h2>Style by style</h2>{styles}
{f"<h2>Is the nearest style the right one?</h2>{confusions}" if confusions else ""}
{f"<h2>What failed</h2><ul>{failures}</ul>" if failures else ""}
<h2>Pictures</h2>{"".join(_html_grid(found, method) for method in found.methods())}
<dialog onclick="this.close()"><img alt=""></dialog><script>
const dialog = document.querySelector("dialog");
for (const image of document.querySelectorAll(".grid img"))
  image.onclick = () => {{ dialog.firstChild.src = image.src; dialog.showModal(); }};
</script></html>
"""


def _html_table(rows: Sequence[dict[str, str]]) -> str:
    order = ["method", "pairs", *SUMMARY, "diversity", "recognised", "frechet"]
    names = [name for name in order if any(name in row for row in rows)]
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(row.get(name, ''))}</td>" for name in names) for row in rows)
    return f"<div class=scroll><table><tr>{head}</tr>{body}</table></div>"


def _html_confusion(method: str, counts: Sequence[Sequence[int]], found: Evaluation) -> str:
    used = found.styles_of(method)
    head = "".join(f"<th title='{html.escape(style)}'>{index + 1}</th>" for index, style in enumerate(used))
    rows = "".join(
        f"<tr><td>{index + 1} {html.escape(style)}</td>" + "".join(f"<td>{count or ''}</td>" for count in counts[index])
        for index, style in enumerate(used)
    )
    return f"<h3>{html.escape(method)}</h3><table><tr><th>asked for / nearest</th>{head}</tr>{rows}</table>"


def _html_grid(found: Evaluation, method: str) -> str:
    scores = {(score.photo, score.style): score for score in found.of(method)}
    used = found.styles_of(method)
    head = "".join(f"<th>{html.escape(style[:24])}</th>" for style in used)
    rows = []
    for photo in found.photos:
        cells = [_html_image(scores[photo, style].preview) if (photo, style) in scores else "" for style in used]
        if any(cells):
            rows.append(f"<tr><td>{html.escape(photo[:24])}</td>" + "".join(f"<td>{cell}</td>" for cell in cells))
    grid = f"<table class=grid><tr><th></th>{head}</tr>{''.join(rows)}</table>"
    return f"<h3>{html.escape(method)}</h3><div class=scroll>{grid}</div>"


def _html_image(picture: Picture) -> str:
    side = min(PREVIEW_SIDE, max(picture.width, picture.height))
    data = picture.resized(*fit(picture.width, picture.height, side)).encode("JPEG", quality=82, mark=False)
    return f'<img loading=lazy alt="" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'

"""Build the report of a study for people: tables and plots in one HTML file."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from impasto.errors import MissingExtra, PictureError
from impasto.measure.embedding import jpeg
from impasto.picture import Picture
from impasto.study.findings import PAINTING, Findings, Result, clearest
from impasto.study.observers import DOUBT, ENOUGH, UNTESTED
from impasto.study.plan import UNPAINTED
from impasto.study.ranking import Ranking, ties_share
from impasto.study.rows import SHOWN, agreement_rows, counted, observer_rows, ranking_rows
from impasto.version import __version__

if TYPE_CHECKING:
    from jinja2 import Template
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST = 40  # longest name in a plot, in letters
_FONTS = (  # fonts for letters that Matplotlib's own font lacks, where the system has one
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "Hiragino Sans",
    "PingFang SC",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
)
_PREVIEW_SIDE = 480  # pixels
_TEMPLATE = Path(__file__).with_name("report.html.jinja")


def report_page(found: Findings) -> str:
    """Return the findings as an HTML page.

    Raises:
        MissingExtra: Matplotlib or Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment
    except ImportError:
        raise MissingExtra("Jinja2", "study") from None
    template = Environment(autoescape=True, trim_blocks=True).from_string(_TEMPLATE.read_text(encoding="utf-8"))
    with _any_text():
        return _rendered(template, found)


@contextmanager
def _any_text() -> Iterator[None]:
    """Draw names literally: without formulas, and without warnings about missing letters."""
    try:
        import matplotlib
        from matplotlib.font_manager import fontManager
    except ImportError:
        raise MissingExtra("Matplotlib", "study") from None
    there = set(fontManager.get_font_names())
    fonts = ["DejaVu Sans", *(name for name in _FONTS if name in there)]
    with warnings.catch_warnings(), matplotlib.rc_context({"text.parse_math": False, "font.family": fonts}):
        warnings.filterwarnings("ignore", message="Glyph|constrained_layout", category=UserWarning)
        yield


def _rendered(template: Template, found: Findings) -> str:
    return template.render(
        found=found,
        version=__version__,
        ranking_rows=ranking_rows,
        agreement_rows=agreement_rows,
        counted=counted,
        observers=observer_rows(found),
        shown=SHOWN,
        ties_share=ties_share,
        scores=scores_plot,
        wins=wins_plot,
        parts=parts_plot,
        ranked=lambda ranking: [ranking.conditions[place] for place in ranking.order()],
        enough=ENOUGH,
        doubt=DOUBT,
        untested=UNTESTED,
        clearest=lambda question: clearest(found, question),
        picture=lambda scene, name: _jpeg(found.pictures[scene][name]),
        unpainted=UNPAINTED,
        painting=PAINTING,
        both=both_plot(found.results) if len(found.results) > 1 else None,
        times=times_plot(found),
        photos=len({answer.photo for answer in found.answers}),
        styles=len({answer.style for answer in found.answers}),
    )


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _png(figure: Figure) -> str:
    """Return a figure as a PNG file in base 64."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return base64.b64encode(out.getvalue()).decode()


def _jpeg(path: Path) -> str:
    """Return a reduced picture as a JPEG file in base 64; "" if it cannot be read."""
    try:
        return jpeg(Picture.open(path, at_most=_PREVIEW_SIDE), _PREVIEW_SIDE)
    except PictureError:
        return ""


def scores_plot(ranking: Ranking) -> str:
    """Plot the scores with intervals, the best on top."""
    order = ranking.order()[::-1]
    figure, axes = _figure(7, 0.8 + 0.38 * len(order))
    _errorbars(axes, ranking, order, np.arange(len(order)))
    axes.set_yticks(range(len(order)), [_short(ranking.conditions[place]) for place in order])
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.axvline(0, color="0.7", linewidth=1)
    axes.set_xlabel("score (a lead of 1: chosen e times as often), 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    return _png(figure)


def _errorbars(axes: Axes, ranking: Ranking, order: Sequence[int], rows: np.ndarray, **look: object) -> None:
    scores = ranking.scores[order]
    widths = np.stack([scores - ranking.low[order], ranking.high[order] - scores])
    axes.errorbar(scores, rows, xerr=widths, fmt="o", capsize=3, **look)  # type: ignore[arg-type]


def wins_plot(ranking: Ranking) -> str:
    """Plot how often the row's condition was chosen over the column's."""
    order = ranking.order()
    wins = ranking.wins()[np.ix_(order, order)]
    total = wins + wins.T
    share = np.divide(wins, total, out=np.full_like(wins, np.nan), where=total > 0)
    side = 2.2 + 0.55 * len(order)
    figure, axes = _figure(side + 1, side)
    axes.imshow(share, cmap="RdBu_r", vmin=0, vmax=1)
    names = [_short(ranking.conditions[place]) for place in order]
    axes.set_xticks(range(len(order)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(order)), names)
    for row in range(len(order)):
        for column in range(len(order)):
            if total[row, column]:
                text = f"{100 * share[row, column]:.0f}\n{total[row, column]:.0f}"
                dark = abs(share[row, column] - 0.5) > 0.3
                color = "white" if dark else "black"
                axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
    axes.set_title("row chosen over column, per cent; number of answers", fontsize=9)
    return _png(figure)


def parts_plot(parts: dict[str, Ranking], conditions: Sequence[str]) -> str:
    """Plot the scores of each photo, or each style."""
    step = 1 / (len(conditions) + 1)
    figure, axes = _figure(7, 1 + 0.16 * len(parts) * (len(conditions) + 1))
    labeled: set[int] = set()
    for number, name in enumerate(conditions):
        for row, ranking in enumerate(parts.values()):
            if name in ranking.conditions:
                place = [ranking.conditions.index(name)]
                label = _short(name) if number not in labeled else None
                labeled.add(number)
                height = np.array([row + (number - (len(conditions) - 1) / 2) * step])
                _errorbars(axes, ranking, place, height, color=f"C{number}", label=label, markersize=4)
    axes.set_yticks(range(len(parts)), [_short(name) for name in parts])
    axes.invert_yaxis()
    axes.axvline(0, color="0.7", linewidth=1)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("score, 95 % interval")
    figure.legend(loc="outside upper left", ncols=4, fontsize=8)
    return _png(figure)


def both_plot(results: Sequence[Result]) -> str:
    """Plot the scores of the first two questions against each other."""
    first, second = results[:2]
    figure, axes = _figure(5.5, 4.8)
    for place, name in enumerate(first.overall.conditions):
        if name in second.overall.conditions:
            other = second.overall.conditions.index(name)
            x, y = first.overall.scores[place], second.overall.scores[other]
            across, up = first.overall.high[place] - x, second.overall.high[other] - y
            axes.errorbar(x, y, xerr=across, yerr=up, fmt="o", capsize=3)
            axes.annotate(_short(name), (x, y), textcoords="offset points", xytext=(6, 6), fontsize=9)
    axes.set_xlabel(first.text)
    axes.set_ylabel(second.text)
    axes.grid(alpha=0.3)
    return _png(figure)


def times_plot(found: Findings) -> str | None:
    """Plot how long answers took; None if no times are known."""
    times = [answer.seconds for answer in found.answers if answer.seconds is not None]
    if not times:
        return None
    figure, axes = _figure(6, 2.6)
    axes.hist(np.clip(times, 0, 30), bins=30, range=(0, 30), color="0.45")
    axes.set_xlabel("seconds for an answer (30 and more in the last bar)")
    axes.set_ylabel("answers")
    return _png(figure)

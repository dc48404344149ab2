"""Score a grid of photos and styles: what engines paint, or pictures that any program has made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from impasto.controls import Controls
from impasto.engines.by_name import engine_of
from impasto.errors import ImpastoError, PictureError, UsageError
from impasto.measure import metrics
from impasto.measure.engines import OPTIMIZER, check_engines
from impasto.measure.judge import Scorer
from impasto.optimization.optimize import optimize
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.picture.formats import readable
from impasto.picture.reading import MAX_PIXELS
from impasto.progress import OnProgress, Progress
from impasto.system.listing import is_junk

STRENGTHS = (20, 40, 60, 80, 100)
SEPARATOR = "__"
SUMMARY = ("style", "content", "lpips", "ssim", "ms_ssim", "moments", "color", "variation", "seconds")
"""The metrics of a table, in its order; those that were not measured are left out."""


@dataclass(frozen=True)
class Score:
    """One result: who made it, of what, and how it scored."""

    method: str
    photo: str
    style: str
    strength: float
    values: dict[str, float]
    preview: Picture


@dataclass
class Evaluation:
    """All results of a run.

    Attributes:
        judge: what scored, and whether it may have been optimized for.
        scores: every result that could be scored.
        failures: a line for every one that could not.
        sets: for each method what is said of all its results together: diversity, recognition, Fréchet distance.
        confusions: for each method how often a style (row) was nearest to a style (column).
    """

    judge: str
    independent: bool
    size: int
    photos: list[str]
    styles: list[str]
    scores: list[Score] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    sets: dict[str, dict[str, float]] = field(default_factory=dict)
    confusions: dict[str, list[list[int]]] = field(default_factory=dict)

    def methods(self) -> list[str]:
        return list(dict.fromkeys(score.method for score in self.scores))

    def of(self, method: str, *, strength: float | None = 100, style: str | None = None) -> list[Score]:
        """A method's results at one strength (None: at all), for one style or all."""
        return [
            score
            for score in self.scores
            if score.method == method
            and (strength is None or score.strength == strength)
            and (style is None or score.style == style)
        ]

    def styles_of(self, method: str) -> list[str]:
        """The styles that a method has results in at full strength, in the order of all styles."""
        used = {score.style for score in self.of(method)}
        return [style for style in self.styles if style in used]

    def strengths(self, method: str) -> list[float]:
        return sorted({score.strength for score in self.of(method, strength=None)})


class Paint(Protocol):
    """Paint a photo (already of the common size) in the style of a painting's file at a strength of 0..100."""

    def __call__(self, style: Path, photo: Picture, strength: float) -> Picture: ...


def engine_painting(name: str) -> Paint:
    """Paint with an engine of the registry; a painting is encoded once for all its photos and strengths."""
    engine = engine_of(name)
    stylizers: dict[Path, Stylizer] = {}

    def paint(style: Path, photo: Picture, strength: float) -> Picture:
        if style not in stylizers:
            stylizers[style] = Stylizer(style, painter=engine)
        return stylizers[style].with_controls(Controls(strength=strength))(photo)

    return paint


def optimizing(style: Path, photo: Picture, strength: float) -> Picture:
    """Paint with the optimizer and its default recipe."""
    return optimize(photo, style, strength=strength).picture


def evaluate(
    scorer: Scorer,
    photos: Path,
    styles: Path,
    *,
    engines: Sequence[str] = (),
    results: Sequence[Path] = (),
    strengths: Sequence[float] = STRENGTHS,
    limit: int | None = None,
    max_pixels: int = MAX_PIXELS,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Score engines on every pair, and folders of results named PHOTO__STYLE.ext on the pairs that they hold.

    Args:
        photos, styles: folders; of each at most `limit` pictures are taken, in order.
        engines: names from `impasto.measure.engines.ENGINES`.
        results: folders of other programs' results; a folder's name is the method's.
        strengths: what engines paint with, 0..100.
        on_progress: called after every picture, which its message names; returning False stops and keeps the scores.
    Raises:
        UsageError: no such engine, or nothing to score.
        PictureError: a folder without readable pictures.
    """
    check_engines(engines)
    if not engines and not results:
        raise UsageError("nothing to score", "--engine painter, or --results DIR", code="nothing-given")
    failures: list[str] = []
    photo_files = _load(photos, "photo", scorer, limit, max_pixels, failures)
    style_files = _load(styles, "style", scorer, limit, max_pixels, failures)
    judge = scorer.judge
    found = Evaluation(
        judge.name, judge.independent, scorer.size, list(photo_files), list(style_files), failures=failures
    )
    for number, (method, photo, style, strength, make) in enumerate(
        work := list(_work(scorer, photo_files, style_files, engines, results, strengths, failures)), start=1
    ):
        try:
            picture, seconds = make()
            target = scorer.pixels(f"photo/{photo}")
            picture = picture.resized(target.shape[1], target.shape[0])
            values = scorer.score(f"photo/{photo}", f"style/{style}", picture.pixels)
        except ImpastoError as error:
            failures.append(f"{method}: {photo} in {style}: {error}")
        else:
            if seconds is not None:
                values["seconds"] = seconds
            found.scores.append(Score(method, photo, style, strength, values, picture))
        progress = Progress(number, len(work), number / len(work), f"{method}: {photo} in {style}")
        if on_progress is not None and on_progress(progress) is False:
            break
    for method in found.methods():
        try:
            _score_set(found, scorer, method)
        except ImpastoError as error:
            failures.append(f"{method}, all results together: {error}")
    return found


_Make = Callable[[], tuple[Picture, float | None]]
_Item = tuple[str, str, str, float, _Make]


def _work(
    scorer: Scorer,
    photos: dict[str, Path],
    styles: dict[str, Path],
    engines: Sequence[str],
    results: Sequence[Path],
    strengths: Sequence[float],
    failures: list[str],
) -> Iterator[_Item]:
    for name in engines:
        paint = optimizing if name == OPTIMIZER else engine_painting(name)
        for photo in photos:
            for style, file in styles.items():
                for strength in strengths:
                    yield name, photo, style, strength, _painted(paint, scorer, photo, file, strength)
    for folder in results:
        for file in _pictures(folder):
            photo, separator, style = file.stem.partition(SEPARATOR)
            if not separator or photo not in photos or style not in styles:
                failures.append(f"{file.name} is no PHOTO{SEPARATOR}STYLE of these folders")
                continue
            yield folder.name, photo, style, 100.0, _read(file)


def _painted(paint: Paint, scorer: Scorer, photo: str, style: Path, strength: float) -> _Make:
    def make() -> tuple[Picture, float | None]:
        source = Picture(scorer.pixels(f"photo/{photo}"))
        started = time.perf_counter()
        picture = paint(style, source, strength)
        return picture, time.perf_counter() - started

    return make


def _read(file: Path) -> _Make:
    return lambda: (Picture.open(file), None)


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise PictureError(f"there is no folder {folder}", code="no-such-folder")
    found = sorted(path for path in folder.iterdir() if path.is_file() and readable(path) and not is_junk(path.name))
    if not found:
        raise PictureError(f"there are no pictures in {folder}", code="no-pictures")
    return found


def _load(
    folder: Path, kind: str, scorer: Scorer, limit: int | None, max_pixels: int, failures: list[str]
) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in _pictures(folder):
        if limit is not None and len(files) >= limit:
            break
        if file.stem in files:
            failures.append(f"{file.name}: there is another {kind} of that name")
            continue
        try:
            scorer.add(f"{kind}/{file.stem}", Picture.open(file, max_pixels=max_pixels))
        except ImpastoError as error:
            failures.append(str(error))
        else:
            files[file.stem] = file
    if not files:
        raise PictureError(f"no picture in {folder} can be read", failures[-1] if failures else "", code="no-pictures")
    return files


def _score_set(found: Evaluation, scorer: Scorer, method: str) -> None:
    """What can only be said of all of a method's results at full strength together."""
    scores = found.of(method)
    if not scores:
        return
    values: dict[str, float] = {}
    distances: list[float] = []
    for photo in found.photos:
        distances += scorer.distances([score.preview for score in scores if score.photo == photo])
    if distances:
        values["diversity"] = float(np.mean(distances))
    used = found.styles_of(method)
    if len(used) > 1:
        styles = [scorer.character(scorer.pixels(f"style/{style}")) for style in used]
        results = [scorer.character(score.preview.pixels) for score in scores]
        wanted = [used.index(score.style) for score in scores]
        counts = metrics.confusion([one.fingerprint for one in results], wanted, [one.fingerprint for one in styles])
        found.confusions[method] = counts.tolist()
        values["recognised"] = float(np.trace(counts) / counts.sum())
        pooled = (np.stack([one.pooled for one in pictures]) for pictures in (results, styles))
        values["frechet"] = metrics.frechet_distance(*pooled)
    found.sets[method] = values


def table(found: Evaluation, *, style: str | None = None) -> list[dict[str, str]]:
    """A row for each method: medians at full strength with their 95 % intervals, as text."""
    rows = []
    for method in found.methods():
        scores = found.of(method, style=style)
        if not scores:
            continue
        row = {"method": method, "pairs": str(len(scores))}
        for name in SUMMARY:
            values = [score.values[name] for score in scores if name in score.values]
            if values:
                median, low, high = metrics.bootstrap(values)
                row[name] = f"{median:.3f} ({low:.3f}-{high:.3f})"
        if style is None:
            row |= {name: f"{value:.3f}" for name, value in found.sets.get(method, {}).items()}
        rows.append(row)
    return rows

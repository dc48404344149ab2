"""Score a grid of photos and styles, painted by engines or by any other program."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from impasto.errors import ImpastoError, PictureError, UsageError
from impasto.measure import metrics
from impasto.measure.engines import EnginePaint, Paint, check_engines, painting_with
from impasto.measure.folders import SEPARATOR, names_of, pictures_in
from impasto.measure.judge import Scorer
from impasto.measure.paths import STEPS, Route, StylePath, means, routes_of, walk
from impasto.picture import Picture
from impasto.picture.reading import MAX_PIXELS
from impasto.progress import OnProgress, Progress, Stopped

STRENGTHS = (20, 40, 60, 80, 100)
SUMMARY = ("style", "content", "lpips", "ssim", "ms_ssim", "moments", "color", "variation", "seconds")
"""The metrics of a table in its order. Metrics that were not measured are left out."""


@dataclass(frozen=True)
class Score:
    """The scores of one picture: its method, photo, style and strength, and its metrics."""

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
        judge: the network that scored, and whether it is independent of the methods.
        scores: every picture that could be scored.
        failures: a line for every picture that could not.
        sets: for each method, metrics of all its pictures together: diversity, recognition, Fréchet distance, and the
            evenness of its blends.
        confusions: for each method, how often a picture of one style (row) is nearest to another style (column).
        paths: every path from one style to the next. The first path of each method has pictures.
        stopped: `on_progress` ended the run before its last picture.
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
    paths: list[StylePath] = field(default_factory=list)
    stopped: bool = False

    def methods(self) -> list[str]:
        return list(dict.fromkeys(score.method for score in self.scores))

    def of(self, method: str, *, strength: float | None = 100, style: str | None = None) -> list[Score]:
        """Return a method's scores at one strength (None: at all), for one style or all."""
        return [
            score
            for score in self.scores
            if score.method == method
            and (strength is None or score.strength == strength)
            and (style is None or score.style == style)
        ]

    def styles_of(self, method: str) -> list[str]:
        """Return the styles in which a method has pictures at full strength, in the order of all styles."""
        used = {score.style for score in self.of(method)}
        return [style for style in self.styles if style in used]

    def strengths(self, method: str) -> list[float]:
        return sorted({score.strength for score in self.of(method, strength=None)})


def evaluate(
    scorer: Scorer,
    photos: Path,
    styles: Path,
    *,
    engines: Sequence[str] = (),
    results: Sequence[Path] = (),
    strengths: Sequence[float] = STRENGTHS,
    blend_steps: int = STEPS,
    limit: int | None = None,
    max_pixels: int = MAX_PIXELS,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Score engines on every pair of photo and style, and other programs' results on the pairs that they contain.

    Args:
        photos, styles: folders. At most `limit` pictures of each are used, in order.
        engines: names from `impasto.measure.engines.ENGINES`.
        results: folders with other programs' results, named PHOTO__STYLE.ext. A folder's name becomes the method's
            name.
        strengths: strengths at which engines paint, 0..100.
        blend_steps: steps of each path from one style to the next, for engines that blend; 0 skips the paths.
        on_progress: called after every picture with its name as the message. Returning False stops and keeps the
            scores.
    Raises:
        UsageError: an engine is unknown, or there is nothing to score.
        PictureError: a folder contains no readable pictures.
    """
    check_engines(engines)
    if not engines and not results:
        raise UsageError("nothing to score", "add --engine painter, or --results FOLDER", code="nothing-given")
    failures: list[str] = []
    photo_files = _load(photos, "photo", scorer, limit, max_pixels, failures)
    style_files = _load(styles, "style", scorer, limit, max_pixels, failures)
    judge = scorer.judge
    found = Evaluation(
        judge.name, judge.independent, scorer.size, list(photo_files), list(style_files), failures=failures
    )
    paints = {name: painting_with(name) for name in engines}
    work = list(_work(scorer, photo_files, style_files, paints, results, strengths, failures))
    blending = {name: paint for name, paint in paints.items() if isinstance(paint, EnginePaint)}
    routes = routes_of(blending, photo_files, style_files) if blend_steps > 0 else []
    total = len(work) + len(routes) * (blend_steps + 1)

    def goes_on(step: int, message: str) -> bool:
        if on_progress is not None and on_progress(Progress(step, total, step / total, message)) is False:
            found.stopped = step < total
            return False
        return True

    for number, (method, photo, style, strength, make) in enumerate(work, start=1):
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
        if not goes_on(number, f"{method}: {photo} in {style}"):
            break
    else:
        _walk(found, scorer, blending, style_files, routes, blend_steps, lambda step, at: goes_on(len(work) + step, at))
    for method in found.methods():
        try:
            _score_set(found, scorer, method)
        except ImpastoError as error:
            failures.append(f"{method}, all results together: {error}")
    for method in blending:
        if ours := [path for path in found.paths if path.route.method == method]:
            found.sets.setdefault(method, {}).update(means(ours))
    return found


def _walk(
    found: Evaluation,
    scorer: Scorer,
    paints: dict[str, EnginePaint],
    styles: dict[str, Path],
    routes: Sequence[Route],
    steps: int,
    goes_on: Callable[[int, str], bool],
) -> None:
    """Measure the paths. Keep the pictures of each method's first path.

    Args:
        goes_on: called with the number of finished pictures, and the name of the last. Returning False stops.
    """
    for number, route in enumerate(routes):

        def told(done: int, before: int = number * (steps + 1), message: str = str(route)) -> bool:
            return goes_on(before + done, message)

        source = Picture(scorer.pixels(f"photo/{route.photo}"))
        blend = paints[route.method].blend
        try:
            path = walk(
                scorer,
                route,
                steps,
                functools.partial(blend, styles[route.first], styles[route.second], source),
                keep=all(one.route.method != route.method for one in found.paths),
                on_picture=told,
            )
        except Stopped:
            return
        except ImpastoError as error:
            found.failures.append(f"{route}: {error}")
        else:
            found.paths.append(path)
        if not told(steps + 1):
            return


_Make = Callable[[], tuple[Picture, float | None]]
_Item = tuple[str, str, str, float, _Make]


def _work(
    scorer: Scorer,
    photos: dict[str, Path],
    styles: dict[str, Path],
    paints: dict[str, Paint],
    results: Sequence[Path],
    strengths: Sequence[float],
    failures: list[str],
) -> Iterator[_Item]:
    for name, paint in paints.items():
        for photo in photos:
            for style, file in styles.items():
                for strength in strengths:
                    yield name, photo, style, strength, _painted(paint, scorer, photo, file, strength)
    for folder in results:
        for file in pictures_in(folder):
            photo, style = names_of(file)
            if photo not in photos or style not in styles:
                failures.append(f"{file.name} is not named PHOTO{SEPARATOR}STYLE after pictures of these folders")
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


def _load(
    folder: Path, kind: str, scorer: Scorer, limit: int | None, max_pixels: int, failures: list[str]
) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in pictures_in(folder):
        if limit is not None and len(files) >= limit:
            break
        if file.stem in files:
            failures.append(f"{file.name}: another {kind} has the same name")
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
    """Measure the metrics of all of a method's pictures at full strength together."""
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
        values["recognized"] = float(np.trace(counts) / counts.sum())
        pooled = (np.stack([one.pooled for one in pictures]) for pictures in (results, styles))
        values["frechet"] = metrics.frechet_distance(*pooled)
    found.sets[method] = values


def table(found: Evaluation, *, style: str | None = None) -> list[dict[str, str]]:
    """Return a row for each method as text: medians at full strength with their 95 % intervals."""
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

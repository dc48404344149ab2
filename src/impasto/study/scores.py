"""Compute and read the metrics of a study's pictures, as in `impasto evaluate`. Only computing them loads PyTorch."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from impasto.errors import PictureError
from impasto.measure.folders import SEPARATOR
from impasto.picture import Picture
from impasto.progress import OnProgress, Progress, Stopped
from impasto.study.answers import as_table
from impasto.study.pictures import picture_file
from impasto.study.plan import METRICS, UNPAINTED, Plan, Scene
from impasto.system.files import write_atomically

Scores = dict[tuple[str, str], dict[str, float]]
"""{(scene, condition): {metric: value}}"""
_SIZE = 512  # longer side in pixels at which pictures are scored, as in `impasto evaluate`
_HEAD = ("method", "photo", "painting", "strength", "judge")


def read_scores(path: Path, judge: str | None = None) -> Scores:
    """Read metrics.csv, or the results at full strength from the results.csv of `impasto evaluate`.

    Args:
        judge: read only metrics that this network has computed.
    Raises:
        PictureError: the file cannot be read, or it is not such a table.
    """
    found: Scores = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if judge is not None and row.get("judge") != judge:
                    continue
                if float(row["strength"]) == 100:
                    values = {name: float(text) for name, text in row.items() if name not in _HEAD and text}
                    found[f"{row['photo']}{SEPARATOR}{row['painting']}", row["method"]] = values
        if not found and judge is None:
            raise ValueError
    except FileNotFoundError:
        raise PictureError(f"file {path} does not exist", code="no-such-file") from None
    except OSError as error:
        raise PictureError(f"cannot read {path}: {error.strerror}", code="not-readable") from None
    except (KeyError, ValueError, TypeError, csv.Error):
        hint = "give a results.csv of impasto evaluate"
        raise PictureError(f"{path} is not a table of metrics", hint, code="malformed") from None
    return found


def score_pictures(
    folder: Path,
    plan: Plan,
    judge: Path | None,
    *,
    failures: list[str],
    on_progress: OnProgress | None = None,
) -> Scores:
    """Score the pictures of a study and save the metrics in its metrics.csv. Metrics of the same judge are reused.

    Args:
        judge: VGG-16 in torchvision's format; see `impasto.measure.judge.find_judge`.
        failures: gets a line for every picture that cannot be read.
        on_progress: called after every picture. Returning False stops. The metrics so far are saved.
    Raises:
        ImportError: PyTorch is not installed.
        PictureError: the judge's file cannot be read.
        Stopped: `on_progress` has returned False.
    """
    from impasto.measure.judge import Scorer, find_judge

    network = find_judge(judge)
    scorer = Scorer(network, min(_SIZE, max(max(size) for size in plan.pictures.values())))
    table = folder / METRICS
    found = read_scores(table, network.name) if table.exists() else {}
    work = [one for one in every_result(plan) if (one[0].name, one[1]) not in found]
    try:
        for step, (scene, name) in enumerate(work, start=1):
            try:
                files = (plan.photos[scene.photo], plan.styles[scene.style], scene.results[name])
                photo, style, result = (Picture.open(picture_file(folder, picture)) for picture in files)
            except PictureError as error:
                failures.append(f"{name}: {scene.name} has no metrics: {error}")
            else:
                source = scorer.add(f"photo/{scene.photo}", photo)
                scorer.add(f"style/{scene.style}", style)
                pixels = result.resized(source.shape[1], source.shape[0]).pixels
                values = scorer.score(f"photo/{scene.photo}", f"style/{scene.style}", pixels)
                found[scene.name, name] = {metric: float(f"{value:.6g}") for metric, value in values.items()}  # as kept
            progress = Progress(step, len(work), step / len(work), f"{name}: {scene.name}")
            if on_progress is not None and on_progress(progress) is False:
                raise Stopped
    finally:
        try:
            _keep(table, found, network.name)
        except PictureError as error:
            failures.append(f"the metrics are not saved: {error}")
    return found


def every_result(plan: Plan) -> list[tuple[Scene, str]]:
    """Return all results of a study: scenes and conditions."""
    return [(scene, name) for scene in plan.scenes for name in scene.results if name != UNPAINTED]


def _keep(path: Path, scores: Scores, judge: str) -> None:
    if not scores:
        return
    names = list(dict.fromkeys(name for values in scores.values() for name in values))
    rows = [
        [method, *scene.split(SEPARATOR, 1), 100, judge, *(f"{values.get(name, math.nan):.6g}" for name in names)]
        for (scene, method), values in scores.items()
    ]
    write_atomically(path, as_table([*_HEAD, *names], *rows).encode(), overwrite=True)

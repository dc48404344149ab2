"""Write the report of a study: report.html (a single file), report.json, scores.csv, answers.csv and pwcmp.csv."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from impasto.errors import UsageError
from impasto.study.answers import PWCMP, as_table, decided, written
from impasto.study.findings import Findings, Result
from impasto.study.ranking import Ranking, ties_share
from impasto.study.report_page import report_page
from impasto.system.files import already_there, check_folder, write_atomically
from impasto.version import __version__

FILES = ("report.html", "report.json", "scores.csv", "answers.csv", "pwcmp.csv")


def place_for(sources: Sequence[Path]) -> Path:
    """Return the default folder of a report: inside the first study.

    Raises:
        UsageError: no source is a study.
    """
    for source in sources:
        if source.is_dir():
            return source / "report"
        if not source.exists():
            raise UsageError(
                f"{source} does not exist", "give a study's folder, or a table of answers", code="no-such-file"
            )
    raise UsageError("the report needs a folder", "add -o report/", code="nothing-given")


def check_free(folder: Path, overwrite: bool) -> None:
    """Raise a PictureError if a report exists and may not be replaced, or if none can be written."""
    check_folder(folder, FILES[0])
    for name in FILES:
        if (folder / name).exists() and not overwrite:
            raise already_there(folder / name)


def as_dict(found: Findings) -> dict[str, object]:
    """Return the findings for programs."""
    return {
        "impasto": __version__,
        "answers": len(found.answers),
        "conditions": found.conditions,
        "seconds": found.seconds,
        "notes": found.notes,
        "observers": [{**one.__dict__, "at_random": one.at_random} for one in found.observers],
        "left_out": found.left_out,
        "questions": {result.name: _result_record(result) for result in found.results},
    }


def _result_record(result: Result) -> dict[str, object]:
    return {
        "text": result.text,
        "overall": _ranking_record(result.overall),
        "photos": {name: _ranking_record(one) for name, one in result.by_photo.items()},
        "styles": {name: _ranking_record(one) for name, one in result.by_style.items()},
        "circles": result.circles.__dict__,
        "agreements": [one.__dict__ for one in result.agreements],
    }


def _ranking_record(ranking: Ranking) -> dict[str, object]:
    def rounded(values: np.ndarray) -> list[object]:
        found: list[object] = np.round(values, 4).tolist()
        return found

    return {
        "answers": ranking.answers,
        "ties": round(ties_share(ranking), 4),
        "conditions": list(ranking.conditions),
        **{name: rounded(getattr(ranking, name)) for name in ("scores", "low", "high", "margin")},
        "halved": rounded(ranking.halved()),
        "wins": rounded(ranking.wins()),
    }


def scores_table(found: Findings) -> str:
    """Return all scores as CSV: a line for each question, each photo, style or all, and each condition."""
    rows: list[Sequence[object]] = [("question", "of", "name", "condition", "score", "low", "high", "answers")]
    for result in found.results:
        parts = [("all", "", result.overall)]
        parts += [("photo", name, ranking) for name, ranking in result.by_photo.items()]
        parts += [("style", name, ranking) for name, ranking in result.by_style.items()]
        for of, name, ranking in parts:
            for place in ranking.order():
                values = (f"{array[place]:.4f}" for array in (ranking.scores, ranking.low, ranking.high))
                rows.append((result.name, of, name, ranking.conditions[place], *values, ranking.answers))
    return as_table(*rows)


def write_report(found: Findings, folder: Path, *, overwrite: bool = False) -> None:
    """Write report.html (a single file), report.json, scores.csv, answers.csv, and pwcmp.csv without ties.

    Raises:
        PictureError: a file exists already, or the folder cannot be written to.
        MissingExtra: Matplotlib or Jinja2 is not installed.
    """
    texts = (
        report_page(found),
        json.dumps(as_dict(found), indent=1, ensure_ascii=False),
        scores_table(found),
        written(found.answers),
        written(decided(found.counted), PWCMP),
    )
    for name, text in zip(FILES, texts, strict=True):
        write_atomically(folder / name, text.encode(), overwrite=overwrite)

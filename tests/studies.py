"""Studies that tests make themselves: plans, folders of small pictures, and people who answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers import file_bytes, scene

from impasto.study.answers import Answer, written
from impasto.study.pictures import picture_file
from impasto.study.plan import ANSWERS, FILE, PICTURES, QUESTIONS, UNPAINTED, Plan, Question, Scene
from impasto.study.simulated import Crowd, sitting
from impasto.study.trials import least_shown

_PICTURE = file_bytes(scene(64, 48), "WEBP")
PHOTOS, STYLES = ("beach", "street"), ("dots", "stripes")


def plan_of(
    conditions: Sequence[str] = ("good", "fair", "poor"),
    photos: int = 2,
    styles: int = 2,
    *,
    trials: int = 16,
    repeats: int = 2,
    catches: int = 2,
    questions: Sequence[Question] = QUESTIONS,
    study: str = "0123456789abcdef",
) -> Plan:
    """A plan as `make` writes it; its pictures are names only."""

    def picture(*of: object) -> str:
        return hashlib.blake2b(repr((study, of)).encode(), digest_size=8).hexdigest()

    scenes = [
        Scene(f"photo{i}", f"style{j}", {name: picture(i, j, name) for name in (*conditions, UNPAINTED)})
        for i in range(photos)
        for j in range(styles)
    ]
    pictures = {picture: (64, 48) for one in scenes for picture in one.results.values()}
    photo_names, style_names = (
        {f"{kind}{i}": picture(kind, i) for i in range(n)} for kind, n in _kinds(photos, styles)
    )
    pictures |= dict.fromkeys([*photo_names.values(), *style_names.values()], (64, 48))
    texts = {name: name for name in ("title", "welcome", "consent")}
    return Plan(
        **texts,
        study=study,
        mail="",
        questions=list(questions),
        conditions=list(conditions),
        scenes=scenes,
        photos=photo_names,
        styles=style_names,
        pictures=pictures,
        trials=trials,
        repeats=repeats,
        catches=catches,
        seed=0,
    )


def _kinds(photos: int, styles: int) -> tuple[tuple[str, int], tuple[str, int]]:
    return ("photo", photos), ("style", styles)


def people(plan: Plan, scores: Mapping[str, float], count: int = 12, clickers: int = 0) -> list[Answer]:
    """What `count` people with one taste answer, each in a session, and then so many who click at random.

    They are called as a page of ours calls them, clickers with a c in front.
    """
    pick, crowd = least_shown(plan), Crowd(scores)
    found: list[Answer] = []
    for number in range(count + clickers):
        looks = number < count
        found += sitting(plan, crowd if looks else None, f"{'0' if looks else 'c'}{number:015x}", pick)
    return found


def study_at(folder: Path, plan: Plan, answers: Sequence[Answer] = ()) -> Path:
    """A study's folder; its pictures are all the same one."""
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    for name in plan.pictures:
        picture_file(folder, name).write_bytes(_PICTURE)
    (folder / FILE).write_text(plan.to_json(), encoding="utf-8")
    if answers:
        (folder / ANSWERS).write_text(written(answers), encoding="utf-8")
    return folder


def make_pictures(folder: Path, size: tuple[int, int] = (64, 48)) -> tuple[Path, Path]:
    """Folders of two photos and of two paintings."""
    for kind, names in (("photos", PHOTOS), ("styles", STYLES)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(names):
            data = file_bytes(scene(*size, seed=number + 10 * (kind == "styles")))
            (folder / kind / f"{name}.png").write_bytes(data)
    return folder / "photos", folder / "styles"


def make_results(folder: Path, seed: int, size: tuple[int, int] = (64, 48)) -> Path:
    """A folder of results named PHOTO__STYLE.png, no two of them alike."""
    folder.mkdir(parents=True)
    for number, (photo, style) in enumerate((photo, style) for photo in PHOTOS for style in STYLES):
        data = file_bytes(scene(*size, seed=100 * seed + number))
        (folder / f"{photo}__{style}.png").write_bytes(data)
    return folder


def strict_json(text: str) -> Any:
    """Read JSON; NaN and Infinity, which only Python takes, are errors."""

    def refuse(constant: str) -> object:
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)

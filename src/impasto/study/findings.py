"""Analyze the answers of studies: read them, judge observers, rank conditions, and compare metrics with people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from impasto.errors import MissingExtra, PictureError
from impasto.progress import OnProgress
from impasto.study.agreement import Agreement, agreements
from impasto.study.answers import WHOLE, Answer, distinct, kept_in, merged
from impasto.study.observers import Observer, observers, sort_all
from impasto.study.pictures import picture_file
from impasto.study.plan import METRICS, QUESTIONS, UNPAINTED, Plan, Question, load_plan
from impasto.study.ranking import Ranking, islands, rank
from impasto.study.scores import Scores, every_result, read_scores, score_pictures
from impasto.study.transitivity import Circles, circles

PAINTING = "(painting)"
_ROUNDS_OF_PARTS = 100  # resamplings for a single photo or style
_NAMED = 5  # observers named in a note
_MOST = 200  # largest number of conditions
_VOTES = 3  # votes that a single pair needs to be shown
_FEW = 10  # answers that a photo or a style needs to be ranked


@dataclass(frozen=True)
class Result:
    """The analysis of the answers to one question.

    Attributes:
        name, text: of the question.
        overall: the ranking over all photos and styles.
        by_photo, by_style: rankings of single photos and styles that have enough answers.
        circles: how transitive the answers are.
        agreements: how well metrics rank as people do. The first row is other people.
    """

    name: str
    text: str
    overall: Ranking
    by_photo: dict[str, Ranking]
    by_style: dict[str, Ranking]
    circles: Circles
    agreements: list[Agreement]


@dataclass(frozen=True)
class Choice:
    """The votes on one pair in one scene.

    Attributes:
        scene: its name.
        chosen, other: the conditions. `chosen` has at least as many votes.
        votes: for `chosen`, for `other`, for neither.
    """

    scene: str
    chosen: str
    other: str
    votes: tuple[int, int, int]


@dataclass
class Findings:
    """The analysis of one study or several.

    Attributes:
        answers: all answers of all observers.
        conditions: the names of the conditions.
        observers: all observers.
        left_out: names of the observers whose answers do not count.
        counted: the answers that determine the scores, without catch trials and repeats.
        results: one for each question.
        notes: remarks for the reader.
        pictures: {scene: {condition, UNPAINTED or PAINTING: file}} of studies. Tables have no pictures.
    """

    answers: list[Answer]
    conditions: list[str]
    observers: list[Observer]
    left_out: list[str]
    counted: list[Answer] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, dict[str, Path]] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """Return the median time of an answer."""
        times = [answer.seconds for answer in self.answers if answer.seconds is not None]
        return median(times) if times else None


def find(
    sources: Sequence[Path],
    *,
    metrics: Sequence[Path] = (),
    score: bool = True,
    judge: Path | None = None,
    keep_random: bool = False,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Findings:
    """Read studies and tables of answers, and analyze them.

    Args:
        sources: folders of studies, and tables for `impasto.study.answers.read_answers`.
        metrics: tables of metrics to compare with people.
        score: True to compute missing metrics of studies, if PyTorch is installed.
        judge: the network for that; see `impasto.study.scores.score_pictures`.
        keep_random: True to also count observers who seem to click at random.
        on_progress: called while metrics are computed.
    Raises:
        UsageError, PictureError: a source is neither a study nor a table, or there are no answers.
    """
    folders = [source for source in sources if source.is_dir()]
    plans = [load_plan(folder) for folder in folders]
    tables = [source for source in sources if not source.is_dir()]
    tables = distinct([*tables, *filter(None, map(kept_in, folders))])
    answers = merged(tables, plans)
    if not answers:
        hint = f"collect answers: impasto study serve {folders[0]}" if folders else "give a table with answers"
        raise PictureError("there are no answers yet", hint, code="nothing-given")
    conditions = _conditions(plans, answers)
    if len(conditions) > _MOST:
        raise PictureError(
            f"{len(conditions)} conditions are too many to compare; the limit is {_MOST}", code="too-large"
        )
    questions = _questions(plans, answers)
    caught_by = [name for name, question in questions.items() if question.catch]
    people = observers(answers, caught_by, conditions)
    left_out = [] if keep_random else [one.name for one in people if one.at_random]
    if len(left_out) == len(people):
        left_out = []
    notes = [f"{one} and {other} are similar: are their observers the same people?" for one, other in _alike(tables)]
    scores = _scores(folders, plans, metrics, score, judge, on_progress, notes)
    if metrics and not any((answer.trial.scene, answer.trial.a) in scores for answer in answers):
        notes.append("the metrics belong to other pictures and are not compared")
    found = Findings(answers, conditions, people, left_out, notes=notes)
    for folder, plan in zip(folders, plans, strict=True):
        for scene in plan.scenes:
            names = scene.results | {UNPAINTED: plan.photos[scene.photo], PAINTING: plan.styles[scene.style]}
            files = {name: picture_file(folder, picture) for name, picture in names.items()}
            found.pictures.setdefault(scene.name, {}).update(files)
    by_question = sort_all(answers)
    for name, question in questions.items():
        theirs = [
            first for person, parts in by_question[name].items() if person not in left_out for first in parts.first
        ]
        if theirs:
            found.counted += theirs
            found.results.append(_result(name, question.text, theirs, conditions, scores, seed))
    if not found.results:
        raise PictureError("all answers belong to catch trials", "collect more answers", code="nothing-given")
    _remark(found)
    return found


def _alike(tables: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Return tables that are copies of earlier ones."""
    first: dict[bytes, Path] = {}
    found = []
    for path in tables:
        earlier = first.setdefault(path.read_bytes(), path)
        if earlier is not path:
            found.append((earlier, path))
    return found


def _conditions(plans: Sequence[Plan], answers: Sequence[Answer]) -> list[str]:
    planned = [name for plan in plans for name in plan.conditions]
    seen = [name for answer in answers for name in (answer.trial.a, answer.trial.b)]
    return [name for name in dict.fromkeys([*planned, *seen]) if name != UNPAINTED]


def _questions(plans: Sequence[Plan], answers: Sequence[Answer]) -> dict[str, Question]:
    """Return the questions that have answers. If no plan contains a question, its text is its name."""
    planned = [question for plan in plans for question in plan.questions]
    known = {one.name: one for one in (*QUESTIONS, Question(WHOLE, "Which is preferred?"), *planned)}
    names = dict.fromkeys(answer.question for answer in answers)
    return {name: known.get(name, Question(name, name)) for name in names}


def _scores(
    folders: Sequence[Path],
    plans: Sequence[Plan],
    metrics: Sequence[Path],
    compute: bool,
    judge: Path | None,
    on_progress: OnProgress | None,
    notes: list[str],
) -> Scores:
    found: Scores = {}
    for table in metrics:
        found |= read_scores(table)
    for folder, plan in zip(folders, plans, strict=True) if compute else ():
        if (folder / METRICS).exists() and judge is None:
            kept = read_scores(folder / METRICS)
            if all((scene.name, name) in kept for scene, name in every_result(plan)):
                found |= kept
                continue
        try:
            found |= score_pictures(folder, plan, judge, failures=notes, on_progress=on_progress)
        except (ImportError, MissingExtra):
            notes.append("PyTorch is not installed: metrics are not compared (pip install 'impasto[torch]')")
            break
    return found


def _result(
    name: str, text: str, answers: Sequence[Answer], conditions: Sequence[str], scores: Scores, seed: int
) -> Result:
    overall = rank(answers, conditions, seed=seed)
    parts: dict[str, dict[str, Ranking]] = {}
    for kind in ("photo", "style"):
        parts[kind] = {}
        for part in sorted({getattr(answer, kind) for answer in answers}):
            theirs = [answer for answer in answers if getattr(answer, kind) == part]
            if part and len(theirs) >= _FEW:
                ranking = rank(theirs, conditions, rounds=_ROUNDS_OF_PARTS, seed=seed)
                if len(islands(ranking)) == 1:
                    parts[kind][part] = ranking
    held = agreements(answers, overall, scores, seed=seed) if scores else []
    return Result(name, text, overall, parts["photo"], parts["style"], circles(overall, answers, seed=seed), held)


def clearest(found: Findings, question: str, most: int = 4) -> list[Choice]:
    """Return the pairs with the clearest votes, with three votes or more, at most one for each scene."""
    votes: dict[tuple[str, frozenset[str]], Counter[str]] = {}
    for answer in found.counted:
        if answer.question == question:
            votes.setdefault((answer.trial.scene, answer.trial.pair), Counter())[answer.chosen or ""] += 1
    choices: list[Choice] = []
    for (scene, pair), of in votes.items():
        chosen, other = sorted(pair, key=lambda name: (-of[name], name))
        choices.append(Choice(scene, chosen, other, (of[chosen], of[other], of[""])))
    choices = [one for one in choices if sum(one.votes) >= _VOTES and _can_be_shown(found, one)]
    choices.sort(key=lambda one: one.votes[0] - one.votes[1], reverse=True)
    by_scene = {one.scene: one for one in reversed(choices)}
    return [one for one in choices if by_scene[one.scene] is one][:most]


def _can_be_shown(found: Findings, choice: Choice) -> bool:
    files = found.pictures.get(choice.scene, {})
    return all(name in files and files[name].is_file() for name in (choice.chosen, choice.other, UNPAINTED, PAINTING))


def _remark(found: Findings) -> None:
    everybody = len(found.observers)
    at_random = [one.name for one in found.observers if one.at_random]
    if at_random:
        names = ", ".join(at_random[:_NAMED]) + (", ..." if len(at_random) > _NAMED else "")
        who = f"{len(at_random)} of {everybody} observers seem to click at random and are"
        how = "left out" if found.left_out else "counted"
        also = " (--keep-random counts them)" if found.left_out else ""
        found.notes.append(f"{who} {how}: {names}{also}")
    for kind, what in (("observer", "observer"), ("photo", "photo")):
        alone = [
            result.name
            for result in found.results
            if len({getattr(answer, kind) for answer in found.counted if answer.question == result.name}) == 1
        ]
        if alone:
            of = "" if len(alone) == len(found.results) else f"{', '.join(alone)}: "
            found.notes.append(f"{of}there is only one {what}: the intervals do not include other {what}s")
    for result in found.results:
        apart = islands(result.overall)
        if len(apart) > 1:
            groups = "; ".join(f"{number}: {', '.join(group)}" for number, group in enumerate(apart, start=1))
            found.notes.append(f"{result.name}: these groups were never compared with each other ({groups})")

"""The plan of a study, `study.json`: its pictures, their conditions, and its questions."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from impasto.errors import PictureError, UsageError
from impasto.measure.folders import SEPARATOR

FILE, PICTURES, ANSWERS, METRICS, PAGE = "study.json", "pictures", "answers.csv", "metrics.csv", "study.html"
FORMAT = 1
UNPAINTED = "(photo)"
"""The condition of the unpainted photo, which a catch trial shows as a result."""


_PICTURE = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Question:
    """A question about two results.

    Attributes:
        name: identifies the question in the answers.
        text: the text for the observers.
        catch: True if the unpainted photo is a wrong answer.
    """

    name: str
    text: str
    catch: bool = False


QUESTIONS = (
    Question("closer", "Which is closer to the painting?", catch=True),
    Question("better", "Which is the better picture?"),
)


@dataclass(frozen=True)
class Scene:
    """A photo in a style, and each condition's result for it.

    Attributes:
        photo, style: names.
        results: {condition: picture}, including the unpainted photo.
    """

    photo: str
    style: str
    results: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.photo}{SEPARATOR}{self.style}"


@dataclass(frozen=True)
class Trial:
    """Two results side by side, `a` on the left, `b` on the right. They are conditions of a scene, by name."""

    scene: str
    a: str
    b: str

    @property
    def pair(self) -> frozenset[str]:
        return frozenset((self.a, self.b))

    def mirrored(self) -> Trial:
        return Trial(self.scene, self.b, self.a)


@dataclass(frozen=True)
class Plan:
    """A study.

    Attributes:
        study: a hexadecimal name that identifies the study in browsers.
        conditions: the names of the conditions, in the order given.
        scenes: at least one, each with two conditions or more.
        photos, styles: {name: picture}.
        pictures: {picture: (width, height)}. Files have these names, which do not reveal the condition.
        trials: pairs that one observer sees in a session, including repeats and catch trials.
        repeats, catches: how many of them repeat a pair, and how many contain the unpainted photo.
        seed: determines order, sides and resampling.
    """

    study: str
    title: str
    welcome: str
    consent: str
    mail: str
    questions: list[Question]
    conditions: list[str]
    scenes: list[Scene]
    photos: dict[str, str]
    styles: dict[str, str]
    pictures: dict[str, tuple[int, int]]
    trials: int
    repeats: int
    catches: int
    seed: int
    by_name: dict[str, Scene] = field(init=False, repr=False, compare=False)
    shown: dict[str, tuple[str, str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {scene.name: scene for scene in self.scenes})
        shown = {picture: (scene.name, name) for scene in self.scenes for name, picture in scene.results.items()}
        object.__setattr__(self, "shown", shown)

    def as_pictures(self, trial: Trial) -> dict[str, str]:
        """Return a trial for the page: pictures without names."""
        scene = self.by_name[trial.scene]
        return {
            "photo": self.photos[scene.photo],
            "painting": self.styles[scene.style],
            "a": scene.results[trial.a],
            "b": scene.results[trial.b],
        }

    def as_trial(self, a: object, b: object) -> Trial | None:
        """Return the trial that shows two pictures; None if no scene contains both."""
        first, second = self.shown.get(str(a)), self.shown.get(str(b))
        if first is None or second is None or first[0] != second[0] or first == second:
            return None
        return Trial(first[0], first[1], second[1])

    def to_json(self) -> str:
        record = asdict(self)
        del record["by_name"], record["shown"]
        return json.dumps({"format": FORMAT, **record}, ensure_ascii=False, indent=1)


def load_plan(folder: Path) -> Plan:
    """Read a study's plan.

    Raises:
        UsageError: the folder contains no study.
        PictureError: the plan is damaged, or a later version of Impasto wrote it.
    """
    path = folder / FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record.pop("format") != FORMAT:
            raise PictureError(f"a later version of Impasto wrote {path}", "update Impasto", code="other-version")
        record["questions"] = [Question(**one) for one in record["questions"]]
        record["scenes"] = [Scene(**one) for one in record["scenes"]]
        record["pictures"] = {name: (int(size[0]), int(size[1])) for name, size in record["pictures"].items()}
        plan = Plan(**record)
        _check(plan)
        return plan
    except (FileNotFoundError, NotADirectoryError):
        hint = f"make one: impasto study make --photos DIR --styles DIR --engine painter --engine light -o {folder}"
        raise UsageError(f"{folder} contains no study", hint, code="no-such-file") from None
    except OSError as error:
        raise PictureError(f"cannot read {path}: {error.strerror}", code="not-readable") from None
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise PictureError(f"{path} is damaged", "make the study again", code="damaged-file") from None


def _check(plan: Plan) -> None:
    """Raise a ValueError if the plan is inconsistent, for example because somebody edited the file."""
    texts = plan.study, plan.title, plan.welcome, plan.consent, plan.mail
    numbers = plan.trials, plan.repeats, plan.catches, plan.seed
    known = {*plan.conditions, UNPAINTED}
    named = [*plan.photos.values(), *plan.styles.values(), *plan.shown]
    if not (
        all(isinstance(text, str) for text in texts)
        and all(type(number) is int and number >= 0 for number in numbers)
        and plan.trials > 0
        and plan.questions
        and plan.scenes
        and all(scene.photo in plan.photos and scene.style in plan.styles for scene in plan.scenes)
        and all(scene.results.keys() <= known for scene in plan.scenes)
        and all(picture in plan.pictures for picture in named)
        and all(_PICTURE.fullmatch(picture) for picture in plan.pictures)
    ):
        raise ValueError

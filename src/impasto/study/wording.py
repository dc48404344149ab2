"""The texts for the observers of a study."""

from __future__ import annotations

import re
from dataclasses import dataclass

from impasto.errors import UsageError
from impasto.study.plan import QUESTIONS, Question

TITLE = "Which picture is better?"
WELCOME = (
    "A computer has painted photos in the style of paintings. You will see a photo, a painting, and two results "
    "beside each other. Choose by eye: there are no right answers. Look as long as you like."
)
CONSENT = (
    "I take part of my own free will and may stop at any time. My choices and how long they take are stored, "
    "without my name or anything else about me."
)
_NAME = re.compile(r"[\w-]+")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True)
class Wording:
    """The texts for the observers.

    Attributes:
        title, welcome, consent: texts.
        mail: address to which observers of the single file send their answers, or "".
        questions: one or more.
    """

    title: str = TITLE
    welcome: str = WELCOME
    consent: str = CONSENT
    mail: str = ""
    questions: tuple[Question, ...] = QUESTIONS

    def check(self) -> None:
        """Raise a UsageError if a text is invalid, or if two questions have the same name."""
        names = [question.name for question in self.questions]
        if not self.title.strip():
            raise UsageError("the page needs a title", 'add --title "Which picture is better?"', code="nothing-given")
        if self.mail and not _MAIL.fullmatch(self.mail):
            raise UsageError(
                f"{self.mail!a} is not a mail address", "for example --mail me@example.org", code="malformed"
            )
        for text in (self.title, self.welcome, self.consent, self.mail, *(one.text for one in self.questions)):
            if any("\ud800" <= char <= "\udfff" for char in text):
                raise UsageError(f"{text!a} is not valid UTF-8 text", "type it again", code="malformed")
        for name in names:
            if not _NAME.fullmatch(name):
                raise UsageError(
                    f"{name!a} cannot be the name of a question", "use letters, digits, - and _", code="bad-name"
                )
            if names.count(name) > 1:
                raise UsageError(f"two questions are named {name}", "rename one of them", code="name-taken")

"""A study's server in a process of its own, and an observer in a real browser."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asgi import Said
from helpers import file_bytes, free_port, scene, wait_until

from impasto.study.answers import COLUMNS
from impasto.study.making import make
from impasto.study.plan import ANSWERS, Plan
from impasto.study.wording import Wording

WAIT = 30_000
KEYS = {"a": "ArrowLeft", "b": "ArrowRight", "none": "ArrowDown"}
SELECTED = {"a": "1", "b": "0", "none": "0.5"}
CONDITIONS = ("zebrafish", "quagga")

STATE = """() => {
  const button = [...document.querySelectorAll("button")].find((one) => one.textContent === "A");
  const number = document.querySelector("progress")?.getAttribute("aria-labelledby");
  const shown = (name) => document.querySelector(`img[alt="${name}"]`)?.src ?? "";
  return {
    heading: document.querySelector("h1")?.textContent ?? "",
    progress: document.getElementById(number)?.textContent ?? "",
    ready: button?.getAttribute("aria-disabled") === "false",
    sources: ["The photo", "The painting", "Result A", "Result B"].map(shown),
  };
}"""
SOURCES = """() => {
  const { pictures } = JSON.parse(document.getElementById("plan").textContent);
  const served = (name) => new URL(`pictures/${name}.webp`, location).href;
  return Object.entries(pictures).map(([name, { data }]) => [data ?? served(name), name]);
}"""


def make_study(folder: Path, photos: tuple[str, ...], conditions: tuple[str, ...], **options: Any) -> Plan:
    """Make a study of photos in the style `waves`, in `folder / "study"`. Every result has a grain of its own."""
    names = [f"photos/{photo}" for photo in photos]
    names += ["styles/waves", *(f"{name}/{photo}__waves" for name in conditions for photo in photos)]
    for seed, name in enumerate(names):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file_bytes(scene(320, 240, seed)))
    results = [folder / name for name in conditions]
    wording = Wording(mail="study@example.org")
    return make(
        folder / "study", folder / "photos", folder / "styles", results=results, wording=wording, **options
    ).plan


def pictures_of(plan: Plan) -> dict[str, tuple[str, str]]:
    """{picture of a result: (scene, condition)}, as study.json has them."""
    return {picture: (scene.name, name) for scene in plan.scenes for name, picture in scene.results.items()}


@dataclass
class Server:
    """`impasto study serve` as a process."""

    folder: Path
    port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(self, path: str, body: bytes = b"", **headers: str) -> Said:
        """The answer to GET, or to POST where there is a body; _ in the names of headers stands for -."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST" if body else "GET", path, body or None, given)
        answer = connection.getresponse()
        said = Said(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return said

    def take(self, request: Mapping[str, object]) -> Said:
        return self.ask("/answers", json.dumps(request).encode())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def ended(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal: exit code, and what was said on the error stream."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[Server]:
    """A server that answers."""
    port = port or free_port()
    command = [sys.executable, "-m", "impasto", "study", "serve", str(folder), "--port", str(port)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert f":{port}" in line, process.stderr.read() if process.stderr else ""
            yield Server(folder, port, process)
        finally:
            process.kill()


def lines_of(folder: Path) -> list[list[str]]:
    """The lines of a study's answers, without the head, as they stand in the file; no field of theirs has a comma."""
    path = folder / ANSWERS
    if not path.exists():
        return []
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    assert head == ",".join(COLUMNS)
    return [line.split(",") for line in lines]


@dataclass
class Given:
    """What an observer was shown and has answered.

    Attributes:
        pictures: of the photo, the painting, the left result and the right one; pictures that are alike have one source
            in the single file.
    """

    pair: str
    question: str
    pictures: list[list[str]]
    choice: str

    def row(self, plan: Plan) -> list[str]:
        """The scene, the conditions, the choice, the question and the trial, as they have to stand in the answers."""
        photo, painting, *sides = self.pictures
        known = pictures_of(plan)
        (scene, first), (other, second) = (next(known[name] for name in side if name in known) for side in sides)
        assert scene == other
        shown = next(one for one in plan.scenes if one.name == scene)
        assert plan.photos[shown.photo] in photo
        assert plan.styles[shown.style] in painting
        question = next(one.name for one in plan.questions if one.text == self.question)
        return [scene, first, second, SELECTED[self.choice], question, self.pair.split()[1]]


@dataclass
class Observer:
    """One who sits before the page.

    Attributes:
        page: of Playwright.
        faults: what the page's scripts and its console complained about.
        addresses: that were asked for anything.
        given: the answers, in order.
    """

    page: Any
    address: str
    faults: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda line: self.faults.extend([line.text] * (line.type == "error")))
        self.page.on("request", lambda request: self.addresses.append(request.url))

    def open(self) -> None:
        self.page.goto(self.address)
        self.page.get_by_role("heading", level=1).wait_for()

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate(STATE)
        return found

    def press(self, name: str) -> None:
        """Click or tap a button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def key(self, name: str) -> None:
        self.page.keyboard.press(name)

    def tab_to(self, role: str, name: str) -> None:
        """Move the focus with the Tab key, as one does who has no mouse."""
        wanted = self.page.get_by_role(role, name=name, exact=role == "button")
        for _ in range(30):
            if wanted.evaluate("one => one === document.activeElement"):
                return
            self.key("Tab")
        raise AssertionError(f"{name} was not reached")

    def begin(self) -> None:
        self.page.get_by_role("checkbox", name="I agree").check()
        self.press("Begin")
        self.ready()

    def ready(self) -> None:
        """Until a question can be answered."""
        wait_until(lambda: self.state()["ready"], 30)

    def shown(self) -> list[list[str]]:
        """The names that the pictures on the screen may have: photo, painting, left result, right result."""
        names = self.page.evaluate(SOURCES)
        return [[name for source, name in names if source == shown] for shown in self.state()["sources"]]

    def answer(self, choice: str, tap: bool = False) -> None:
        """Answer the question that stands, and wait until it is gone."""
        self.ready()
        before = self.state()
        self.given.append(Given(before["progress"], before["heading"], self.shown(), choice))
        if tap:
            name = {"a": "A", "b": "B", "none": "No difference"}[choice]
            self.page.get_by_role("button", name=name, exact=True).tap()
        else:
            self.key(KEYS[choice])

        def gone() -> bool:
            now = self.state()
            return [now["heading"], now["progress"]] != [before["heading"], before["progress"]]

        wait_until(gone, 30)

    def answer_all(self, tap: bool = False) -> None:
        """Answer what there is, by turns, until the end."""
        while not self.at_end():
            self.answer(["a", "b", "none"][len(self.given) % 3], tap)

    def at_end(self) -> bool:
        """Whether the end is reached; waits while neither a question nor the end stands."""
        wait_until(lambda: self.state()["ready"] or self.state()["heading"].startswith("Thank you"), 30)
        return bool(self.state()["heading"].startswith("Thank you"))

    def saved(self) -> None:
        """Until the page says that the server has everything."""
        self.page.get_by_text("Everything is saved on the server.").wait_for()

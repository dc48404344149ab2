"""A study's server: what it shows, what it takes, and that nothing it has acknowledged is lost."""

from __future__ import annotations

import errno
import json
import re
import secrets
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from asgi import Said, ask
from helpers import Outcome, assert_refused, free_port
from observing import CONDITIONS, Server, lines_of, make_study, pictures_of, serving

pytest.importorskip("uvicorn")

from impasto.service.limits import Access
from impasto.service.study import make_app
from impasto.study import gathering as gathering_room
from impasto.study.answers import COLUMNS, read_answers
from impasto.study.gathering import Gathering
from impasto.study.pictures import picture_file
from impasto.study.plan import ANSWERS, FILE, PAGE, UNPAINTED, Plan, load_plan

OBSERVER = "0123456789abcdef"
Take = Callable[[Mapping[str, Any]], Said]
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are POSIX's")


@pytest.fixture
def here(study: Path) -> Iterator[Callable[..., Said]]:
    """Asks the study's application in this process: here(request) posts answers, as JSON or as they are."""
    with Gathering(study) as gathering:
        app = make_app(study, gathering, Access().hosts())

        def post(request: Mapping[str, Any] | bytes) -> Said:
            body = request if isinstance(request, bytes) else json.dumps(request).encode()
            return ask(app, "/answers", "POST", [body])

        yield post


def wish(answers: list[dict[str, Any]], number: int = 1, want: int = 1, **others: Any) -> dict[str, Any]:
    """A request of the page."""
    asked = {"observer": OBSERVER, "session": 1, "answers": answers, "next": number, "ahead": [], "want": want}
    return asked | others


def answer_to(trial: Mapping[str, str], number: int, question: str, choice: str = "a") -> dict[str, Any]:
    return {**trial, "trial": number, "question": question, "choice": choice, "seconds": 1.25}


def trials_of(said: Said) -> list[dict[str, str]]:
    assert said.status == 200, said.body
    found: list[dict[str, str]] = json.loads(said.body)["trials"]
    return found


def answers_of(plan: Plan, trial: Mapping[str, str], number: int) -> list[dict[str, Any]]:
    """Answers to all questions of a trial; which, follows from the pictures."""
    choice = "a" if trial["a"] < trial["b"] else "b"
    return [answer_to(trial, number, question.name, choice) for question in plan.questions]


def whole_session(plan: Plan, take: Take, observer: str, session: int = 1) -> list[dict[str, str]]:
    """Answer a whole session, with two trials in hand as the page has them. All its trials."""
    trials: list[dict[str, str]] = []
    unsent: list[dict[str, Any]] = []
    for number in range(1, plan.trials + 1):
        if len(trials) < plan.trials:
            ahead, place = trials[number - 1 :], len(trials) + 1
            asked = wish(unsent, place, 2 - len(ahead), ahead=ahead, observer=observer, session=session)
            trials += trials_of(take(asked))
            unsent = []
        unsent += answers_of(plan, trials[number - 1], number)
    last = wish(unsent, plan.trials + 1, 0, observer=observer, session=session)
    assert trials_of(take(last)) == []
    return trials


def test_only_the_page_and_its_pictures_are_shown(server: Server) -> None:
    plan = load_plan(server.folder)
    trial = trials_of(server.take(wish([])))[0]
    server.take(wish(answers_of(plan, trial, 1)))
    picture = server.ask(f"/pictures/{trial['a']}.webp")
    assert (picture.status, picture.headers["content-type"]) == (200, "image/webp")
    assert picture.body == (server.folder / "pictures" / f"{trial['a']}.webp").read_bytes()
    names = (FILE, ANSWERS, PAGE, ".serving", "pictures", "pictures/", f"pictures/{trial['a']}", "report/report.json")
    ways = ("/", "/pictures/../", "/pictures/..%2f", "/pictures/%2e%2e/", "/pictures/..%5c", "/./", "//")
    paths = [way + name for way in ways for name in names]
    paths += [f"/pictures/{name}.webp" for name in ("", ".", "..", "..%2fstudy", "x", "%00", "%ff", "a" * 5000)]
    paths += [
        f"/pictures/..%2fpictures%2f{trial['a']}.webp",
        f"/pictures/..%2f{FILE}%00.webp",
        str(server.folder / FILE),
    ]
    for path in paths:
        said = server.ask(path)
        assert said.status == 404, path
        assert said.code == "no-such-page"
        assert not [name for name in CONDITIONS if name.encode() in said.body]
    assert server.ask("/", b"{}").status == 405
    assert server.ask("/answers").status == 405
    assert json.loads(server.ask("/healthz").body) == {"observers": 1, "answers": 2}


def test_other_names_and_pages_of_other_sites_are_refused(server: Server) -> None:
    body = json.dumps(wish([])).encode()
    assert server.ask("/", host="evil.example").status == 403
    assert server.ask("/answers", body, origin="https://evil.example").status == 403
    assert server.ask("/answers", body, origin=server.url.rstrip("/")).status == 200


BAD_ANSWERS: dict[str, Any] = {
    "trial 0": {"trial": 0},
    "trial above the count": {"trial": 7},
    "trial true": {"trial": True},
    "trial in words": {"trial": "1"},
    "trial 1.5": {"trial": 1.5},
    "no number": {"seconds": float("nan")},
    "no end": {"seconds": float("inf")},
    "seconds beyond numbers": {"seconds": 10**400},
    "seconds in words": {"seconds": "long"},
    "seconds as a list": {"seconds": [1]},
    "unknown picture": {"a": "0000000000000000"},
    "no picture": {"a": None},
    "picture as a list": {"a": ["x"]},
    "path as a picture": {"a": "../study"},
    "unknown question": {"question": "nicer"},
    "question as an object": {"question": {}},
    "unknown choice": {"choice": "c"},
    "choice as a list": {"choice": []},
    "half a letter": {"choice": "\ud800"},
}
BAD_REQUESTS: dict[str, Any] = {
    "no observer": {"observer": None},
    "observer in capitals": {"observer": OBSERVER.upper()},
    "short observer": {"observer": OBSERVER[1:]},
    "observer with a line": {"observer": OBSERVER + "\n"},
    "observer as a number": {"observer": 1234567890123456},
    "observer as a formula": {"observer": "=1+1"},
    "session 0": {"session": 0},
    "session above all": {"session": 1001},
    "session true": {"session": True},
    "next 0": {"next": 0},
    "next above the end": {"next": 8},
    "want below 0": {"want": -1},
    "want too much": {"want": 1000},
    "ahead of nothing": {"ahead": [{}]},
    "answers as an object": {"answers": {}},
    "answers that are none": {"answers": [1, None, "x", []]},
    "no answers": {"answers": None},
}
BAD_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe\x00",
    "a list": b"[]",
    "null": b"null",
    "a word": b'"answers"',
    "an empty object": b"{}",
    "deep": b"[" * 200_000,
    "long number": b'{"session": ' + b"9" * 10_000 + b"}",
    "a huge list": json.dumps(wish([{}] * 100_000)).encode(),
}


def refuses(here: Callable[..., Said], study: Path, request: Any, status: int = 400) -> None:
    """It is refused with words, and nothing of it is kept."""
    before = (study / ANSWERS).read_bytes()
    said = here(request)
    assert said.status == status, said.body
    assert said.headers["content-type"] == "application/problem+json"
    detail = json.loads(said.body)["detail"]
    assert detail
    assert len(detail) < 300
    assert (study / ANSWERS).read_bytes() == before


@pytest.mark.parametrize("what", BAD_ANSWERS)
def test_a_bad_answer_is_refused_with_all_that_comes_with_it(here: Callable[..., Said], study: Path, what: str) -> None:
    trial = trials_of(here(wish([])))[0]
    good, bad = answers_of(load_plan(study), trial, 1)
    refuses(here, study, wish([good, bad | BAD_ANSWERS[what]]))
    for name in bad:
        if name not in ("photo", "painting"):  # follow from the results
            refuses(here, study, wish([good, {key: value for key, value in bad.items() if key != name}]))
    assert here(wish([good, bad])).status == 200
    assert len(lines_of(study)) == 2


def test_pictures_of_two_scenes_are_no_pair(here: Callable[..., Said], study: Path) -> None:
    plan = load_plan(study)
    first, second = (list(scene.results.values()) for scene in plan.scenes[:2])
    photo = next(iter(plan.photos.values()))
    for a, b in ((first[0], second[1]), (first[0], first[0]), (photo, first[0]), (first[0], photo)):
        pictures = {"photo": photo, "painting": photo, "a": a, "b": b}
        refuses(here, study, wish([answer_to(pictures, 1, plan.questions[0].name)]))
        refuses(here, study, wish([], 2, ahead=[pictures]))


@pytest.mark.parametrize("what", BAD_REQUESTS)
def test_a_bad_request_is_refused(here: Callable[..., Said], study: Path, what: str) -> None:
    refuses(here, study, wish([]) | BAD_REQUESTS[what])
    refuses(here, study, {name: value for name, value in wish([]).items() if name not in BAD_REQUESTS[what]})


@pytest.mark.parametrize("what", BAD_BODIES)
def test_what_is_no_request_is_refused(here: Callable[..., Said], study: Path, what: str) -> None:
    refuses(here, study, BAD_BODIES[what])


def test_what_is_too_large_is_refused(here: Callable[..., Said], study: Path) -> None:
    trial = trials_of(here(wish([])))[0]
    answer = answers_of(load_plan(study), trial, 1)[0]
    refuses(here, study, wish([answer], note="x" * 10_000_000), 413)
    refuses(here, study, wish([answer] * 2001))
    assert here(wish([answer] * 2000)).status == 200
    assert len(read_answers(study / ANSWERS)) == 1


def test_refusals_are_short(here: Callable[..., Said], study: Path) -> None:
    trial = trials_of(here(wish([])))[0]
    answer = answers_of(load_plan(study), trial, 1)[0]
    for name in answer:
        if name not in ("photo", "painting"):
            refuses(here, study, wish([answer | {name: "x" * 500_000}]))


def test_the_same_answer_sent_twice_is_one(here: Callable[..., Said], study: Path) -> None:
    trial = trials_of(here(wish([])))[0]
    answers = answers_of(load_plan(study), trial, 1)
    for _ in range(3):
        assert here(wish(answers)).status == 200
    assert here(wish([*answers, *answers])).status == 200
    assert len(lines_of(study)) == 2
    other = [answers[0] | {"choice": "none"}]
    assert here(wish(other)).status == 200
    assert [row[5] for row in lines_of(study)][2:] == ["0.5"]
    assert len(read_answers(study / ANSWERS)) == 2


def test_one_server_has_a_study(run: Callable[..., Outcome], server: Server, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "impasto", "study", "serve", str(server.folder), "--port", str(free_port())]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30)  # one that serves does not end
    assert second.returncode == 2
    assert len(second.stderr.splitlines()) == 1
    assert f"another program is using {server.folder}" in second.stderr
    assert server.ask("/healthz").status == 200
    make_study(tmp_path / "other", ("harbour",), CONDITIONS, trials=3)
    other = tmp_path / "other" / "study"
    assert_refused(run("study", "serve", other, "--port", server.port), 2, "in-use", str(server.port))
    assert_refused(run("study", "serve", tmp_path), 2, "no-such-file", str(tmp_path))


def test_a_study_whose_pictures_are_gone_is_not_served(run: Callable[..., Outcome], study: Path) -> None:
    plan = load_plan(study)
    gone = [picture_file(study, picture) for picture in list(plan.pictures)[:2]]
    for path in gone:
        path.unlink()
    words = f"2 of {len(plan.pictures)} pictures", str(gone[0])
    assert_refused(run("study", "serve", study, "--port", free_port()), 1, "no-such-file", *words)


def test_a_table_without_its_head_is_begun_anew(study: Path) -> None:
    (study / ANSWERS).write_bytes(b"")
    with Gathering(study):
        assert (study / ANSWERS).read_text() == ",".join(COLUMNS) + "\n"


def answered_and_cut(study: Path, places: int) -> list[dict[str, Any]]:
    """Answer one trial, and take so many bytes off the end, as a computer that loses its power does."""
    with Gathering(study) as gathering:
        given = answers_of(gathering.plan, gathering.take(wish([]))[0], 1)
        gathering.take(wish(given))
    path = study / ANSWERS
    path.write_bytes(path.read_bytes()[:-places])
    return given


@pytest.mark.parametrize("places", [1, 2, 6, 25, 45, 60])
def test_a_torn_line_is_left_out_and_ended(study: Path, places: int) -> None:
    plan = load_plan(study)
    first = answered_and_cut(study, places)
    with serving(study) as server:
        kept = json.loads(server.ask("/healthz").body)["answers"]
        assert kept in ((1, 2) if places < 6 else (1,))  # whole but for the end of the line, or of a second's fraction
        trials = trials_of(server.take(wish(first[1:], 2)))  # has not been acknowledged, and comes again
        assert trials_of(server.take(wish(answers_of(plan, trials[0], 2), 3)))
        server.kill()
    assert [len(row) == 9 for row in lines_of(study)].count(False) <= 1  # the torn one, if it is there still
    found = read_answers(study / ANSWERS)
    assert [(one.number, one.question) for one in found] == [
        (number, question.name) for number in (1, 2) for question in plan.questions
    ]
    assert [one.seconds for one in found] == [1.25] * 4


@pytest.mark.parametrize("places", [6, 40, 70, 75])
def test_a_torn_line_takes_no_other_with_it_whatever_pictures_are_called(tmp_path: Path, places: int) -> None:
    make_study(tmp_path, ('harbour, "evening"', "meadow, at noon"), CONDITIONS, trials=4)
    study = tmp_path / "study"
    first = answered_and_cut(study, places)
    with Gathering(study) as gathering:
        gathering.take(wish(first[1:]))
    with Gathering(study) as gathering:
        assert gathering.answers == 2
    assert len(read_answers(study / ANSWERS)) == 2


def test_ten_observers_at_once_lose_nothing(server: Server) -> None:
    plan = load_plan(server.folder)
    people = [secrets.token_hex(8) for _ in range(10)]
    seen: dict[str, list[dict[str, str]]] = {}

    def observe(name: str) -> None:
        seen[name] = whole_session(plan, server.take, name)

    threads = [threading.Thread(target=observe, args=(name,)) for name in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    rows = lines_of(server.folder)
    each = plan.trials * len(plan.questions)
    assert len(rows) == 10 * each
    assert Counter(row[0] for row in rows) == dict.fromkeys(people, each)
    known = pictures_of(plan)
    for name in people:
        shown = {(str(number), known[one["a"]][1], known[one["b"]][1]) for number, one in enumerate(seen[name], 1)}
        assert {(row[7], row[3], row[4]) for row in rows if row[0] == name} == shown
    assert json.loads(server.ask("/healthz").body) == {"observers": 10, "answers": 10 * each}


def test_a_session_has_its_repeats_and_catch_trials(tmp_path: Path) -> None:
    plan = make_study(
        tmp_path, ("harbour", "meadow", "tower", "bridge"), (*CONDITIONS, "okapi"), trials=14, repeats=20, catches=15
    )
    assert (plan.trials, plan.repeats, plan.catches) == (14, 3, 2)
    known = pictures_of(plan)
    orders, lefts = set(), Counter[str]()
    for session in range(1, 9):
        observer = OBSERVER if session < 5 else secrets.token_hex(8)
        with Gathering(tmp_path / "study") as gathering:  # another server each time: what it knows is in the file

            def take(request: Mapping[str, Any], gathering: Gathering = gathering) -> Said:
                return Said(200, {}, json.dumps({"trials": gathering.take(request)}).encode())

            trials = whole_session(plan, take, observer, session)
        assert len(trials) == plan.trials
        pairs = [tuple(known[trial[side]][1] for side in "ab") for trial in trials]
        assert sum(UNPAINTED in pair for pair in pairs) == plan.catches
        before: dict[frozenset[str], tuple[str, str]] = {}
        again = []
        for trial in trials:
            sides = trial["a"], trial["b"]
            if frozenset(sides) in before:
                assert before[frozenset(sides)] == sides[::-1]
                again.append(sides)
            before[frozenset(sides)] = sides
        assert len(again) == plan.repeats
        assert not [pair for pair in again if UNPAINTED in (known[pair[0]][1], known[pair[1]][1])]
        orders.add(json.dumps(trials))
        lefts.update(pair[0] for pair in pairs)
    assert len(orders) == 8  # no two sessions are alike
    assert set(lefts) == {*plan.conditions, UNPAINTED}


def test_a_full_disk_is_said_and_the_answer_taken_later(
    here: Callable[..., Said], study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = trials_of(here(wish([])))[0]
    answers = answers_of(load_plan(study), trial, 1)

    def full(*_given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(gathering_room, "_write", full)
        refuses(here, study, wish(answers), 503)
        said = here(wish(answers))
        assert said.code == "disk-full"
        assert "retry-after" in said.headers
    assert here(wish(answers)).status == 200
    assert len(lines_of(study)) == 2


@posix
def test_an_answer_of_which_half_was_written_is_taken_later(server: Server) -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("limits of other processes are Linux's")
    plan = load_plan(server.folder)
    trial = trials_of(server.take(wish([])))[0]
    answers = answers_of(plan, trial, 1)
    room = (server.folder / ANSWERS).stat().st_size + 30
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    said = server.take(wish(answers))
    assert said.status == 503
    assert json.loads(said.body)["detail"]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert server.take(wish(answers)).status == 200
    server.kill()
    assert len(read_answers(server.folder / ANSWERS)) == 2
    with Gathering(server.folder) as gathering:
        assert gathering.answers == 2


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(server: Server, number: signal.Signals) -> None:
    plan = load_plan(server.folder)
    trial = trials_of(server.take(wish([])))[0]
    assert server.take(wish(answers_of(plan, trial, 1))).status == 200
    code, said = server.ended(number)
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 1
    assert code == 0  # as `impasto serve`
    assert len(lines_of(server.folder)) == 2
    with serving(server.folder, server.port) as again:
        assert json.loads(again.ask("/healthz").body)["answers"] == 2


def test_the_order_of_the_pictures_tells_nothing(server: Server) -> None:
    plan = load_plan(server.folder)
    found = re.search(r'id="plan">(.*?)</script>', server.ask("/").body.decode())
    assert found
    listed = list(json.loads(found[1])["pictures"])
    assert sorted(listed) == sorted(plan.pictures)
    assert listed == sorted(listed)  # another order would be that in which they were made


def test_nothing_tells_when_a_picture_was_made(server: Server) -> None:
    for name in load_plan(server.folder).pictures:
        assert "last-modified" not in server.ask(f"/pictures/{name}.webp").headers

"""The observers' page in a real browser: whole studies, nothing lost, and everybody can use it."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import wait_until
from observing import CONDITIONS, Observer, Server, lines_of, serving
from visitors import PHONE

pytest.importorskip("uvicorn")

from impasto.study.answers import read_answers
from impasto.study.pictures import picture_file
from impasto.study.plan import ANSWERS, PAGE, UNPAINTED, load_plan

AXE = Path(__file__).parent.parent.parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIEWS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": PHONE,
    "dark phone": PHONE | {"color_scheme": "dark"},
}

IN_HAND = """(count) => {
  const { round } = JSON.parse(Object.values(localStorage)[0]);
  const there = performance.getEntriesByType("resource").filter((one) => one.responseEnd).map((one) => one.name);
  const pictures = round.trials.flatMap((trial) => Object.values(trial).map((name) => `${name}.webp`));
  return round.trials.length >= count && pictures.every((name) => there.some((one) => one.endsWith(name)));
}"""


def begin_by_keyboard(observer: Observer) -> None:
    observer.tab_to("checkbox", "I agree")
    observer.key("Space")
    observer.tab_to("button", "Begin")
    observer.key("Enter")


def test_a_whole_study_by_keyboard(observe: Callable[..., Observer], server: Server) -> None:
    plan = load_plan(server.folder)
    observer = observe(server.url)
    before, longest = time.monotonic(), []
    begin_by_keyboard(observer)
    observer.ready()
    left, right = (observer.page.get_by_role("img", name=f"Result {side}").bounding_box() for side in "AB")
    assert left["x"] + left["width"] <= right["x"]
    assert left["width"] == right["width"]
    while not observer.at_end():
        paused = 0.0
        if len(observer.given) == 3:
            observer.page.wait_for_timeout(700)
            observer.key("Escape")
            observer.page.get_by_role("heading", name="Paused").wait_for()
            pausing = time.monotonic()
            observer.page.wait_for_timeout(700)
            paused = time.monotonic() - pausing
            observer.tab_to("button", "Go on")
            observer.key("Enter")
        now = time.monotonic()
        observer.answer(["a", "b", "none"][len(observer.given) % 3])
        longest.append(time.monotonic() - before - paused)
        before = now
    observer.saved()
    rows = lines_of(server.folder)
    assert len(rows) == plan.trials * len(plan.questions)
    assert [row[2:8] for row in rows] == [given.row(plan) for given in observer.given]
    assert len({row[0] for row in rows}) == 1
    assert re.fullmatch("[0-9a-f]{16}", rows[0][0])
    assert {row[1] for row in rows} == {"1"}
    for row, most in zip(rows, longest, strict=True):
        assert 0 <= float(row[8]) <= most + 0.02
    assert float(rows[3][8]) >= 0.68
    pytest.importorskip("choix")
    from impasto.study.findings import find

    found = find([server.folder], score=False)
    assert found.conditions == list(CONDITIONS)
    assert len(found.answers) == len(rows)
    assert [one.name for one in found.observers] == [rows[0][0]]
    assert found.seconds is not None


def test_the_single_file_is_a_whole_study(observe: Callable[..., Observer], made: Path, tmp_path: Path) -> None:
    plan = load_plan(made)
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(made / PAGE, alone / PAGE)
    observer = observe((alone / PAGE).as_uri())
    begin_by_keyboard(observer)
    observer.answer_all()
    observer.open()
    observer.press("Go on")  # nothing was downloaded yet
    observer.tab_to("button", "Download the answers")
    with observer.page.expect_download() as waiting:
        observer.key("Enter")
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    answers = read_answers(file, dict.fromkeys(plan.shown, plan))
    assert file.name == f"answers-{answers[0].observer}.csv"
    assert [one.row()[2:8] for one in answers] == [given.row(plan) for given in observer.given]
    assert len(answers) == plan.trials * len(plan.questions)
    assert {name for one in answers for name in (one.trial.a, one.trial.b)} == {*CONDITIONS, UNPAINTED}
    assert "study@example.org" in observer.page.get_by_role("link").get_attribute("href")
    observer.open()
    observer.page.get_by_role("button", name="Begin", exact=True).wait_for()  # it is finished
    assert {address.partition(":")[0] for address in observer.addresses} <= {"file", "data", "blob"}
    assert {address for address in observer.addresses if address.startswith("file:")} == {observer.address}
    assert observer.faults == []
    assert observer.page.context.cookies() == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_answers_survive_a_killed_server(observe: Callable[..., Observer], study: Path) -> None:
    plan = load_plan(study)
    with serving(study) as first:
        observer = observe(first.url)
        observer.begin()
        observer.answer("a")
        observer.answer("b")
        wait_until(lambda: len(lines_of(study)) == 2)
        observer.page.wait_for_function(IN_HAND, arg=3)
        first.kill()
        for choice in ("none", "a", "b", "none"):
            observer.answer(choice)
        observer.page.get_by_text("Not saved on the server yet. Trying again.").wait_for()
        observer.page.get_by_role("heading", name="Waiting for the next pair").wait_for()
        observer.key("ArrowLeft")
        assert len(lines_of(study)) == 2
    with serving(study, first.port):
        observer.answer_all()
        observer.saved()
        assert observer.page.get_by_text("Not saved").count() == 0
    rows = lines_of(study)
    assert [row[2:8] for row in rows] == [given.row(plan) for given in observer.given]
    assert len(rows) == plan.trials * len(plan.questions)
    assert {row[0] for row in rows} == {rows[0][0]}


def test_answers_whose_receipt_is_lost_are_kept_once(observe: Callable[..., Observer], server: Server) -> None:
    plan = load_plan(server.folder)
    observer = observe(server.url)
    observer.begin()
    lost: list[int] = []

    def lose(route: Any) -> None:
        if json.loads(route.request.post_data)["answers"] and not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    observer.page.route("**/answers", lose)
    observer.answer_all()
    observer.saved()
    assert lost == [200]
    assert sorted(row[2:8] for row in lines_of(server.folder)) == sorted(given.row(plan) for given in observer.given)


def test_a_closed_tab_goes_on_where_it_was(observe: Callable[..., Observer], server: Server) -> None:
    plan = load_plan(server.folder)
    observer = observe(server.url)
    observer.begin()
    for choice in ("a", "b", "none"):
        observer.answer(choice)
    wait_until(lambda: len(lines_of(server.folder)) >= 2)
    observer.ready()
    standing = observer.state()
    context = observer.page.context
    observer.page.close()
    again = Observer(context.new_page(), server.url)
    again.open()
    again.page.get_by_text("1 of 6 done").wait_for()
    again.press("Go on")
    again.ready()
    assert again.state() == standing
    wait_until(lambda: len(lines_of(server.folder)) == 3)
    again.answer_all()
    again.saved()
    rows = lines_of(server.folder)
    assert [row[2:8] for row in rows] == [given.row(plan) for given in observer.given + again.given]
    assert len(rows) == plan.trials * len(plan.questions)


def test_who_leaves_the_page_sends_the_last_answer(observe: Callable[..., Observer], server: Server) -> None:
    observer = observe(server.url)
    observer.begin()
    observer.answer("b")  # one of two questions: nothing is sent yet
    observer.page.goto("about:blank")
    wait_until(lambda: len(lines_of(server.folder)) == 1)
    assert lines_of(server.folder)[0][2:8] == observer.given[0].row(load_plan(server.folder))


def test_back_replaces_an_answer(observe: Callable[..., Observer], server: Server) -> None:
    plan = load_plan(server.folder)
    observer = observe(server.url)
    observer.begin()
    observer.answer("a")
    observer.answer("b")
    wait_until(lambda: len(lines_of(server.folder)) == 2)
    observer.ready()
    observer.key("Backspace")
    observer.page.get_by_text("Your answer was: B").wait_for()
    observer.answer("none")
    wait_until(lambda: len(lines_of(server.folder)) == 3)
    first, given, anew = lines_of(server.folder)
    assert [given[2:8], anew[2:8]] == [one.row(plan) for one in observer.given[1:]]
    assert [given[5], anew[5]] == ["0", "0.5"]
    assert [one.row() for one in read_answers(server.folder / ANSWERS)] == [first, anew]
    observer.ready()
    observer.press("Back")
    observer.press("Back")
    observer.page.get_by_text("Your answer was: A").wait_for()
    assert observer.page.get_by_role("button", name="Back", exact=True).get_attribute("aria-disabled") == "true"


def places(observer: Observer) -> list[list[float]]:
    """Left, top, width and height of both results, by fractions of what frames them, to a thousandth."""
    found: list[list[float]] = observer.page.evaluate(
        """() => ["Result A", "Result B"].map((name) => {
          const image = document.querySelector(`img[alt="${name}"]`);
          const [inner, outer] = [image, image.parentElement].map((one) => one.getBoundingClientRect());
          return [(inner.left - outer.left) / outer.width, (inner.top - outer.top) / outer.height,
            inner.width / outer.width, inner.height / outer.height];
        })"""
    )
    return found


def test_both_results_show_the_same_place(observe: Callable[..., Observer], shared: Server) -> None:
    observer = observe(shared.url)
    observer.begin()
    page = observer.page
    frames = [page.get_by_role("img", name=f"Result {side}").bounding_box() for side in "AB"]
    seen: list[list[float]] = [[0, 0, 1, 1]]

    def same() -> list[float]:
        first, second = places(observer)
        assert first == pytest.approx(second, abs=0.004)  # whole pixels of the screen
        assert first != pytest.approx(seen[-1], abs=0.004)  # something has happened
        seen.append(first)
        return first

    def at(side: int, x: float, y: float) -> tuple[float, float]:
        box = frames[side]
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    assert places(observer)[0] == pytest.approx(seen[0], abs=0.004)
    page.mouse.click(*at(0, 0.75, 0.25))
    left, top, width, _ = same()
    assert width > 1.5
    assert (0.75 - left) / width == pytest.approx(0.75, abs=0.01)  # what was clicked stays where it is
    assert (0.25 - top) / width == pytest.approx(0.25, abs=0.01)
    page.mouse.move(*at(1, 0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*at(1, 0.7, 0.3), steps=5)
    page.mouse.up()
    moved = same()
    assert moved[0] - left == pytest.approx(0.2, abs=0.01)
    page.mouse.move(*at(1, 0.3, 0.6))
    page.mouse.wheel(0, -120)
    same()
    page.mouse.click(*at(0, 0.5, 0.5))
    assert same() == pytest.approx([0, 0, 1, 1], abs=0.004)
    observer.key("PageUp")
    same()
    observer.key("Shift+ArrowRight")
    same()
    observer.press("Zoom in")
    same()
    observer.press("Zoom out")
    same()
    slider = page.get_by_role("slider", name="Zoom")
    slider.focus()
    observer.key("End")
    assert same()[2] == max(one[2] for one in seen)
    observer.key("ArrowLeft")  # is the slider's here, and no answer
    same()
    page.get_by_role("heading", level=1).focus()
    observer.answer("a")
    observer.answer("a")
    observer.ready()
    assert same() == pytest.approx([0, 0, 1, 1], abs=0.004)


def test_a_study_by_taps(observe: Callable[..., Observer], server: Server) -> None:
    observer = observe(server.url, **PHONE)
    page = observer.page
    page.get_by_role("checkbox", name="I agree").tap()
    page.get_by_role("button", name="Begin", exact=True).tap()
    observer.ready()
    for role, names in {"img": ("Result A", "Result B"), "button": ("A", "No difference", "B")}.items():
        for name in names:  # all is seen at once, and large enough for a finger
            box = page.get_by_role(role, name=name, exact=True).bounding_box()
            assert box["x"] >= 0
            assert box["y"] >= 0
            assert box["x"] + box["width"] <= 390
            assert box["y"] + box["height"] <= 844
            assert min(box["width"], box["height"]) >= 44
    page.get_by_role("img", name="Result A").tap(force=True)  # zooms, and is no answer
    assert places(observer)[0][2] > 1
    observer.answer_all(tap=True)
    observer.saved()
    plan = load_plan(server.folder)
    assert [row[2:8] for row in lines_of(server.folder)] == [given.row(plan) for given in observer.given]
    assert observer.faults == []


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: make studio")
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("edition", ["served", "file"])
def test_axe_finds_nothing(observe: Callable[..., Observer], shared: Server, edition: str, view: str) -> None:
    address = shared.url if edition == "served" else (shared.folder / PAGE).as_uri()
    observer = observe(address, bypass_csp=True, **VIEWS[view])  # axe is put into the page

    def violations() -> list[str]:
        if not observer.page.evaluate("typeof axe === 'object'"):
            observer.page.add_script_tag(path=str(AXE))
        found = observer.page.evaluate("async (rules) => (await axe.run(document, {runOnly: rules})).violations", RULES)
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]

    assert violations() == []
    observer.press("Begin")
    observer.page.get_by_role("alert").filter(has_text="I agree").wait_for()
    assert violations() == []
    observer.begin()
    assert violations() == []
    observer.press("Zoom in")
    if "phone" not in view:
        observer.page.get_by_text("Keys", exact=True).click()
    assert violations() == []
    observer.press("Pause")
    observer.page.get_by_role("heading", level=1, name="Paused").wait_for()
    assert violations() == []
    observer.press("Go on")
    observer.answer("a")
    observer.open()
    assert violations() == []
    observer.press("Go on")
    observer.answer_all()
    assert violations() == []


def test_the_focus_is_never_lost(observe: Callable[..., Observer], shared: Server) -> None:
    observer = observe(shared.url)

    def focused() -> str:
        return str(observer.page.evaluate("document.activeElement?.textContent"))

    observer.press("Begin")
    assert observer.page.get_by_role("checkbox").evaluate("one => one === document.activeElement")
    begin_by_keyboard(observer)
    observer.ready()
    assert focused() == observer.state()["heading"]
    observer.key("Escape")
    assert focused() == "Paused"
    observer.tab_to("button", "Go on")
    observer.key("Enter")
    while not observer.at_end():
        assert observer.page.evaluate("document.activeElement !== document.body")
        observer.answer("none")
    assert focused().startswith("Thank you")


def test_changes_are_announced(observe: Callable[..., Observer], shared: Server) -> None:
    observer = observe(shared.url)
    observer.begin()
    spoken = observer.page.locator("[aria-live=polite]")
    before = len(lines_of(shared.folder))
    questions = load_plan(shared.folder).questions
    observer.answer("a")
    assert questions[1].text in spoken.text_content()
    assert "Pair" not in spoken.text_content()
    observer.answer("a")
    wait_until(lambda: len(lines_of(shared.folder)) > before)
    observer.page.wait_for_timeout(200)  # what the server answers changes nothing
    assert "Pair 2 of 6" in spoken.text_content()
    assert questions[0].text in spoken.text_content()


def test_keys_answer_only_what_is_seen(observe: Callable[..., Observer], shared: Server) -> None:
    observer = observe(shared.url)
    held: list[Any] = []
    observer.page.route("**/pictures/*", lambda route: held.append(route))
    observer.page.get_by_role("checkbox", name="I agree").check()
    observer.press("Begin")
    observer.page.get_by_text("Question 1 of 2", exact=True).wait_for()
    wait_until(lambda: observer.page.wait_for_timeout(20) or held)
    before = observer.state()
    for key in ("ArrowLeft", "ArrowRight", "ArrowDown"):
        observer.key(key)
        assert observer.state() == before
    observer.page.get_by_role("button", name="A", exact=True).click(force=True)
    assert observer.state() == before
    observer.page.route("**/pictures/*", lambda route: route.continue_())
    for route in held:
        route.continue_()
    observer.ready()
    assert observer.page.get_by_text("Question 1 of 2", exact=True).is_visible()
    for key in ("a", "b", "1", "Control+ArrowLeft", "Shift+ArrowRight"):
        observer.key(key)
    observer.page.keyboard.down("ArrowLeft")
    for _ in range(4):
        observer.page.keyboard.down("ArrowLeft")  # a key that is held
    observer.page.keyboard.up("ArrowLeft")
    assert observer.page.get_by_text("Question 2 of 2", exact=True).is_visible()


def test_a_refusal_is_shown_and_not_asked_for_again(observe: Callable[..., Observer], server: Server) -> None:
    observer = observe(server.url)
    observer.begin()
    sent: list[list[int]] = []

    def refuse(route: Any) -> None:
        sent.append([one["trial"] for one in json.loads(route.request.post_data)["answers"]])
        if 1 in sent[-1]:
            route.fulfill(status=400, content_type="application/problem+json", body='{"detail": "this is not for us"}')
        else:
            route.continue_()

    observer.page.route("**/answers", refuse)
    observer.answer_all()
    observer.page.get_by_text("this is not for us").wait_for()
    assert sum(1 in trials for trials in sent) == 1
    plan = load_plan(server.folder)
    questions = len(plan.questions)
    wait_until(lambda: len(lines_of(server.folder)) == (plan.trials - 1) * questions)
    assert [row[2:8] for row in lines_of(server.folder)] == [given.row(plan) for given in observer.given[questions:]]


@pytest.mark.parametrize("edition", ["served", "file"])
def test_a_browser_that_keeps_nothing(observe: Callable[..., Observer], server: Server, edition: str) -> None:
    refused = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    address = server.url if edition == "served" else (server.folder / PAGE).as_uri()
    observer = observe(address, script=refused)
    observer.begin()
    observer.page.get_by_role("alert").filter(has_text="does not keep the answers").wait_for()
    observer.press("Understood")
    observer.answer_all()
    assert observer.page.get_by_text("does not keep the answers").count() == 0  # is said once
    if edition == "served":
        observer.saved()
        assert len(lines_of(server.folder)) == len(observer.given)
    else:
        with observer.page.expect_download() as waiting:
            observer.press("Download the answers")
        plan = load_plan(server.folder)
        assert len(read_answers(Path(waiting.value.path()), dict.fromkeys(plan.shown, plan))) == len(observer.given)
    assert observer.faults == []


def test_another_round_and_the_next_observer(observe: Callable[..., Observer], server: Server) -> None:
    plan = load_plan(server.folder)
    observer = observe(server.url)
    observer.begin()
    observer.answer_all()
    observer.saved()
    observer.press("Another round")
    observer.answer_all()
    observer.saved()
    observer.press("Next observer")
    observer.begin()
    observer.answer_all()
    observer.saved()
    rows = lines_of(server.folder)
    assert [row[2:8] for row in rows] == [given.row(plan) for given in observer.given]
    each = plan.trials * len(plan.questions)
    people = list(dict.fromkeys(row[0] for row in rows))
    assert [row[:2] for row in rows] == [[people[0], "1"]] * each + [[people[0], "2"]] * each + [
        [people[1], "1"]
    ] * each


def test_the_page_tells_nobody_and_lets_nothing_in(observe: Callable[..., Observer], shared: Server) -> None:
    observer = observe(shared.url)
    observer.begin()
    observer.answer_all()
    observer.saved()
    assert observer.page.context.cookies() == []
    assert {address.split("/")[2] for address in observer.addresses} == {f"127.0.0.1:{shared.port}"}
    assert {address.split("/")[3] for address in observer.addresses} == {"", "answers", "pictures"}
    assert observer.faults == []
    page = shared.ask("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "set-cookie" not in page.headers
    observer.page.evaluate(
        "const script = document.createElement('script'); script.textContent = 'window.stranger = true'; "
        "document.head.append(script)"
    )
    assert observer.page.evaluate("window.stranger === undefined")


def test_no_name_of_a_condition_reaches_an_observer(observe: Callable[..., Observer], shared: Server) -> None:
    observer = observe(shared.url)
    told: list[bytes] = []
    observer.page.on("response", lambda response: told.append(response.body()))
    observer.open()
    observer.begin()
    observer.answer_all()
    observer.saved()
    told += [repr(sorted(response.items())).encode() for response in (shared.ask("/").headers,)]
    told.append((shared.folder / PAGE).read_bytes())
    told += [picture_file(shared.folder, name).read_bytes() for name in load_plan(shared.folder).pictures]
    told.append(observer.page.evaluate("JSON.stringify({...localStorage})").encode())
    assert len(told) > 20
    for name in (*CONDITIONS, UNPAINTED):
        stored = json.dumps(name).encode() if name == UNPAINTED else name.encode()  # "(photo)" is in programs, too
        assert not [one[:80] for one in told if stored in one]

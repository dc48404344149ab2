"""The picture and what is done to it on screens of all sizes, by mouse and by touch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from helpers import file_bytes, scene
from visitors import PHONE, Studio

SIDEWAYS = PHONE | {"viewport": {"width": 844, "height": 390}}
BOX = """(name) => {
  const { left, top, right, bottom } = studio.shadowRoot.querySelector(name).getBoundingClientRect();
  return [left, top, right, bottom];
}"""
UNDER = """
  const box = studio.view.canvas.getBoundingClientRect();
  return studio.view.geometry.at(argument[0] - box.x, argument[1] - box.y);
"""


def boxes(studio: Studio, *names: str) -> list[list[float]]:
    """Left, top, right, bottom of elements."""
    found: list[list[float]] = studio.do(f"return argument.map({BOX})", list(names))
    return found


@pytest.mark.parametrize(("screen", "least"), [(SIDEWAYS, 180), (PHONE, 220)])
def test_with_two_photos_and_a_history_a_phone_still_shows_the_picture(
    visit: Callable[..., Studio], screen: dict[str, Any], least: int
) -> None:
    studio = visit(**screen)
    studio.bring(("one.png", file_bytes(scene(600, 400))), ("two.png", file_bytes(scene(400, 600, 3))))
    studio.style("Udnie")
    stage, tools, rail = boxes(studio, ".stage", ".tools", ".rail")
    assert stage[3] - stage[1] >= least
    assert stage[3] <= tools[1] + 1  # nothing lies over the picture's foot
    assert tools[3] <= rail[1] + 1
    assert rail[3] <= screen["viewport"]["height"] + 1
    assert studio.do("return !!studio.shadowRoot.querySelector('.panel .versions')")


def test_a_part_that_is_added_is_scrolled_to(visit: Callable[..., Studio]) -> None:
    studio = visit(viewport={"width": 1300, "height": 620})
    for name in ("Keep the person", "Another style here"):
        studio.page.get_by_role("button", name=name).click()
        studio.ready()
        row, panel = boxes(studio, ".layer:last-child", ".panel")
        assert row[1] >= panel[1]
        assert row[3] <= panel[3] + 1
        studio.do("studio.shadowRoot.querySelector('.panel').scrollTop = 0")
    studio.page.get_by_role("button", name="Keep the person").click()  # it is there: it is shown, not added again
    assert [layer["found"] for layer in studio.look()["layers"]] == ["person", ""]


def test_the_dialogs_buttons_are_seen_in_low_windows(visit: Callable[..., Studio]) -> None:
    studio = visit(viewport={"width": 1000, "height": 420})
    studio.page.get_by_role("button", name="Export…").click()
    export = studio.page.get_by_role("dialog").get_by_role("button", name="Export", exact=True).bounding_box()
    assert export["y"] + export["height"] <= 420


def test_a_drag_takes_the_picture_along(studio: Studio) -> None:
    studio.bring(("large.png", file_bytes(scene(2100, 1400))))
    box = studio.page.locator("canvas.picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    studio.page.mouse.move(x, y)
    studio.page.mouse.dblclick(x, y)  # real pixels
    before = studio.do(UNDER, [x, y])
    studio.page.mouse.down()
    studio.page.mouse.move(x - 90, y - 60, steps=9)
    assert studio.do(UNDER, [x - 90, y - 60]) == pytest.approx(before, abs=0.002)
    studio.page.mouse.up()


def test_what_is_between_two_fingers_stays_there(visit: Callable[..., Studio]) -> None:
    studio = visit(**PHONE)
    box = studio.page.locator("canvas.picture").bounding_box()
    x, y = box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2
    session = studio.page.context.new_cdp_session(studio.page)

    def touch(kind: str, *places: float) -> None:
        points = [{"x": place, "y": y, "id": number} for number, place in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", x - 40, x + 40)
    touch("touchMove", x - 60, x + 60)
    before = studio.do(UNDER, [x, y])
    for apart in (80, 100, 120, 140):
        touch("touchMove", x - apart, x + apart)
    assert studio.do("return studio.view.geometry.zoom") > 2
    assert studio.do(UNDER, [x, y])["x"] == pytest.approx(before["x"], abs=0.02)
    touch("touchEnd")


def test_the_split_line_has_room_on_a_phone(visit: Callable[..., Studio]) -> None:
    studio = visit(**PHONE)
    studio.page.get_by_role("button", name="Split").tap()
    tools, plus = boxes(studio, ".tools", ".tools button:last-child")
    line = studio.page.get_by_label("Split line").bounding_box()
    assert line["width"] >= 200
    assert plus[2] <= tools[2] <= 390

"""Everybody can use the page: by keyboard, by touch, on a phone, enlarged, in the dark; and nobody listens in."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from visitors import PHONE, Studio

AXE = Path(__file__).parent.parent.parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIEWS: dict[str, dict[str, Any]] = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": PHONE}


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: make studio")
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(visit: Callable[..., Studio], view: str) -> None:
    studio = visit(bypass_csp=True, **VIEWS[view])  # axe is put into the page
    studio.page.add_script_tag(path=str(AXE))

    def violations() -> list[str]:
        found = studio.do("return (await axe.run(document, {runOnly: argument})).violations", RULES)
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]

    assert violations() == []
    studio.page.get_by_role("button", name="Blend").click()
    studio.page.get_by_role("option", name="Wheat Field").click()
    studio.page.get_by_role("option", name="Self-Portrait").click()
    studio.page.get_by_role("button", name="Another style here").click()
    studio.ready()
    studio.page.get_by_text("Presets", exact=True).click()
    studio.page.wait_for_timeout(1000)  # the history has entries
    assert violations() == []
    studio.page.get_by_role("button", name="Export").click()
    studio.page.get_by_text("The same on the command line").click()
    assert violations() == []
    studio.page.keyboard.press("Escape")
    studio.page.get_by_role("button", name="Keys and about").click()
    assert violations() == []


def test_strength_is_a_few_tabs_away(studio: Studio) -> None:
    studio.page.locator("body").click(position={"x": 2, "y": 2})
    focused = "return studio.shadowRoot.activeElement?.getAttribute('aria-label')"
    for _ in range(10):
        studio.page.keyboard.press("Tab")
        if studio.do(focused) == "Strength":
            break
    else:
        pytest.fail("Strength was not reached")
    studio.page.keyboard.press("ArrowLeft")
    studio.ready()
    assert studio.look()["controls"]["strength"] == 99


def test_a_new_picture_is_announced(studio: Studio) -> None:
    studio.style("Udnie")
    status = studio.page.get_by_role("status").filter(has_text="Painted as Udnie")
    status.wait_for(state="attached")
    assert "Udnie" in studio.page.locator("canvas.picture").get_attribute("aria-label")


def test_nothing_is_cut_off_sideways(studio: Studio) -> None:
    script = """
      const scrolls = ".tiles, .shelf, .versions, .frames, .photos, dialog";
      const cut = [...studio.shadowRoot.querySelectorAll("button, input, select, h2")].filter(
        (one) => !one.closest(scrolls) && one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1);
      return [document.documentElement.scrollWidth, cut.map((one) => one.outerHTML)];
    """
    for width in (1280, 650, 390, 320):
        studio.page.set_viewport_size({"width": width, "height": 800})
        studio.page.wait_for_timeout(300)
        assert studio.do(script) == [width, []]


def test_the_picture_is_on_top_on_a_phone_and_targets_are_large(visit: Callable[..., Studio]) -> None:
    studio = visit(**PHONE)
    boxes = studio.do(
        "const box = (name) => { const b = studio.shadowRoot.querySelector(name).getBoundingClientRect(); "
        "return [b.top, b.bottom] }; return [box('.stage'), box('.styles'), box('.panel')]"
    )
    assert boxes[0][1] <= boxes[1][0] + 1
    assert boxes[1][1] <= boxes[2][0] + 1
    small = studio.do(
        "return [...studio.shadowRoot.querySelectorAll('button, select, [role=option], .segments label')]"
        ".filter((one) => one.checkVisibility()).filter((one) => { const b = one.getBoundingClientRect(); "
        "return b.width < 44 || b.height < 44 }).map((one) => one.outerHTML)"
    )
    assert small == []
    studio.page.get_by_role("option", name="Udnie").tap()
    studio.ready()
    assert studio.look()["styles"][0]["style"] == "udnie"


def test_it_reads_from_right_to_left(visit: Callable[..., Studio]) -> None:
    studio = visit()
    studio.do("document.documentElement.dir = 'rtl'")
    sides = studio.do(
        "const middle = (name) => { const b = studio.shadowRoot.querySelector(name).getBoundingClientRect(); "
        "return (b.left + b.right) / 2 }; return [middle('.styles'), middle('.stage'), middle('.panel')]"
    )
    assert sides[0] > sides[1] > sides[2]
    assert studio.do("return document.documentElement.scrollWidth <= innerWidth")


def test_keys_that_are_typed_elsewhere_are_left_alone(studio: Studio) -> None:
    studio.page.get_by_role("searchbox").fill("")
    studio.page.get_by_role("searchbox").press_sequentially("bf10")
    assert studio.do("return studio.view.before") is False
    assert studio.do("return studio.strip.favorites.size") == 0
    studio.page.get_by_text("No painting has that name.").wait_for()


def test_the_page_may_not_be_framed_nor_asked_for_by_another_name(address: str) -> None:
    with urllib.request.urlopen(address) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert answer.headers.get("Set-Cookie") is None
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    request = urllib.request.Request(address, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code in (400, 403, 421)

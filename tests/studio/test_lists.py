"""Lists of the page: work, photos, history, presets; with several tabs, by keyboard, and after something has gone."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import moving, write
from helpers import file_bytes, scene
from PIL import Image
from visitors import Studio, pixels

FOCUSED = "return studio.shadowRoot.activeElement?.dataset.part ?? studio.shadowRoot.activeElement?.tagName ?? ''"


def begin(studio: Studio, count: int) -> None:
    """Put jobs into the tray that last long enough to be looked at."""
    studio.do(
        """
        const photo = `upload:${studio.app.brought.photo.id}`;
        for (let i = 0; i < argument; i++)
          await studio.tray.add(
            () => studio.app.engine.begin([["image", photo], ["style", "udnie"], ["size", "1400"]]),
            { title: `job ${i}`, file: "job.jpg", picture: "", save: false });
        """,
        count,
    )


def versions(studio: Studio) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = studio.do("return studio.app.store.get('versions', [])")
    return found


def transparent() -> bytes:
    """A photo whose left half is not there."""
    picture = np.dstack([scene(400, 300)[:, :, ::-1], np.full((300, 400), 255, np.uint8)])
    picture[:, :200, 3] = 0
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(out, "PNG")
    return out.getvalue()


def test_many_jobs_leave_the_page_its_connections(studio: Studio) -> None:
    begin(studio, 8)
    assert studio.do("return studio.tray.streams.size") == 2
    late = "new Promise((done) => setTimeout(done, 5000, 0))"
    assert studio.do(f"return Promise.race([fetch('/v1/limits').then((one) => one.status), {late}])") == 200
    studio.page.wait_for_function(
        "() => [...document.querySelector('impasto-studio').tray.jobs.values()].every((job) => job.state === 'done')"
    )
    assert studio.do("return studio.tray.streams.size") == 0


def test_a_result_is_saved_by_one_tab_and_shown_in_both(studio: Studio) -> None:
    other = Studio(studio.page.context.new_page(), studio.address, studio.folder)
    other.open()
    saved: list[str] = []
    for one in (studio, other):
        one.page.on("download", lambda download: saved.append(download.suggested_filename))
    studio.exported()
    other.page.get_by_role("region", name="Work").get_by_text("Done").wait_for()
    other.page.wait_for_timeout(500)
    assert len(saved) == 1
    studio.page.reload()
    studio.ready()
    studio.page.get_by_role("region", name="Work").get_by_text("Done").wait_for()
    studio.page.wait_for_timeout(500)
    assert len(saved) == 1


def test_small_pictures_are_transparent_where_the_photo_is(studio: Studio) -> None:
    studio.bring(("hole.png", transparent()), ("other.png", file_bytes(scene(300, 200))))
    studio.page.get_by_role("button", name="hole.png", exact=True).click()
    studio.remembered()
    image = studio.page.get_by_role("button", name="hole.png", exact=True).locator("img")
    kept = next(one for one in versions(studio) if one["photo"] == studio.do("return studio.app.state.photo"))
    for url in (image.get_attribute("src"), kept["picture"]):
        alpha = pixels(url)[:, :, 3]
        width = alpha.shape[1]
        assert alpha[:, : width // 3].max() < 30
        assert alpha[:, -width // 3 :].min() > 225


def test_the_focus_stays_in_lists_that_are_drawn_again(studio: Studio) -> None:
    studio.bring(*[(f"{name}.png", file_bytes(scene(200, 200, seed))) for seed, name in enumerate("abc")])
    keys = studio.do("return [...studio.app.photos.keys()]")
    studio.page.get_by_role("button", name="b.png", exact=True).focus()
    studio.page.keyboard.press("Enter")
    studio.ready()
    assert studio.do(FOCUSED) == f"{keys[1]} choose"
    studio.page.get_by_role("button", name="Remove a.png").focus()
    studio.page.keyboard.press("Enter")
    assert studio.do(FOCUSED) == f"{keys[1]} remove"
    studio.remembered()
    studio.style("Udnie")
    studio.remembered()
    star = studio.page.get_by_role("button", name="Keep: Udnie").first
    star.focus()
    studio.page.keyboard.press("Enter")
    assert studio.do(FOCUSED).endswith(" star")
    before = studio.do(FOCUSED)
    studio.do("studio.app.settle({...studio.app.look, styles: [{style: 'great-wave', weight: 1}]})")
    studio.remembered()
    assert studio.do(FOCUSED) == before
    studio.page.get_by_role("button", name="Remove b.png").focus()
    studio.page.keyboard.press("Enter")
    assert studio.do(FOCUSED) not in ("", "BODY")  # the list has gone: around it


def test_whole_pictures_of_the_history_are_kept_as_files_and_compared(studio: Studio) -> None:
    studio.remembered()
    studio.style("Udnie")
    studio.remembered()
    studio.page.get_by_role("button", name="Compare: The Starry Night").click()
    studio.page.wait_for_function("() => document.querySelector('impasto-studio').view.pair")
    pictures = "studio.view.pair.pictures"
    sizes = studio.do(f"return {pictures}.map((one) => one.width)")
    assert sizes[0] == sizes[1] == studio.picture().shape[1]
    assert studio.do(f"return {pictures}[0] instanceof ImageBitmap")


def test_escape_ends_a_comparison_and_releases_its_button(studio: Studio) -> None:
    studio.remembered()
    studio.style("Udnie")
    studio.remembered()
    button = studio.page.get_by_role("button", name="Compare: The Starry Night")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    studio.page.wait_for_function("() => document.querySelector('impasto-studio').view.pair")
    studio.page.keyboard.press("Escape")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    studio.page.wait_for_function("() => document.querySelector('impasto-studio').view.pair")


def test_a_removed_photo_leaves_nothing_in_the_history(studio: Studio) -> None:
    studio.bring(("one.png", file_bytes(scene(200, 200, 1))), ("two.png", file_bytes(scene(200, 200, 2))))
    studio.remembered()
    gone = studio.do("return studio.app.state.photo")
    assert any(one["photo"] == gone for one in versions(studio))
    studio.page.get_by_role("button", name="Remove two.png").click()
    studio.ready()
    assert not any(one["photo"] == gone for one in versions(studio))


def test_the_history_brings_a_clip_back_to_its_frame(studio: Studio, tmp_path: Path) -> None:
    studio.bring(write(tmp_path / "walk.mp4", moving(12)))
    studio.page.get_by_role("button", name="Frame at").nth(5).click()
    studio.remembered()
    at = studio.do("return studio.app.state.at")
    assert at > 0
    studio.style("Udnie")
    studio.page.get_by_role("button", name="Frame at").first.click()
    studio.remembered()
    studio.page.get_by_role("button", name="Back to: The Starry Night").click()
    studio.ready()
    assert studio.do("return studio.app.state.at") == pytest.approx(at)
    assert studio.look()["styles"][0]["style"] == "starry-night"


def test_each_clip_keeps_its_range(studio: Studio, tmp_path: Path) -> None:
    studio.bring(write(tmp_path / "one.mp4", moving(12)))
    studio.bring(write(tmp_path / "two.mp4", moving(12)))
    studio.slide("From", 0.2)
    studio.page.get_by_role("button", name="one.mp4", exact=True).click()
    studio.ready()
    assert float(studio.page.get_by_label("From", exact=True).input_value()) == 0
    studio.page.get_by_role("button", name="two.mp4", exact=True).click()
    studio.ready()
    assert float(studio.page.get_by_label("From", exact=True).input_value()) == pytest.approx(0.2, abs=0.03)
    studio.stored(studio.do("return studio.app.state.photo"))
    studio.page.reload()
    studio.ready()
    assert float(studio.page.get_by_label("From", exact=True).input_value()) == pytest.approx(0.2, abs=0.03)


def keep_preset(studio: Studio, name: str) -> None:
    studio.page.get_by_text("Presets", exact=True).click()
    field = studio.page.get_by_role("textbox", name="Name of this look")
    field.fill(name)
    field.press("Enter")


def test_a_preset_names_the_painting_that_is_gone(visit: Callable[..., Studio]) -> None:
    studio, other = visit(), visit()
    painting = file_bytes(scene(200, 200, 3))
    studio.page.locator("nav input[type=file]").set_input_files(
        {"name": "Anne.png", "mimeType": "image/png", "buffer": painting}
    )
    studio.page.wait_for_function("() => document.querySelector('impasto-studio').app.own.size === 1")
    studio.slide("Strength", 60)
    own = studio.look()["styles"][0]["style"]
    keep_preset(studio, "hers")
    with studio.page.expect_download() as waiting:
        studio.page.get_by_role("button", name="Save hers as a file").click()
    data = Path(waiting.value.path()).read_bytes()
    assert json.loads(data)["controls"]["strength"] == 60

    studio.style("Udnie")
    studio.page.get_by_role("button", name="hers", exact=True).click()
    studio.ready()
    assert studio.look()["styles"][0]["style"] == own  # it is still here

    other.style("The Great Wave")
    other.bring(("hers.impasto.json", data), ready=False)
    other.said("no longer in the gallery: Anne.")
    look = other.look()
    assert (look["styles"][0]["style"], look["controls"]["strength"]) == ("great-wave", 60)


def test_the_history_names_the_style_that_is_gone(studio: Studio) -> None:
    studio.page.locator("nav input[type=file]").set_input_files(
        {"name": "Anne.png", "mimeType": "image/png", "buffer": file_bytes(scene(200, 200, 3))}
    )
    studio.page.wait_for_function("() => document.querySelector('impasto-studio').app.own.size === 1")
    studio.remembered()
    studio.style("Udnie")
    studio.remembered()
    studio.do("studio.app.removeOwn([...studio.app.own.keys()][0])")
    studio.page.get_by_role("button", name="Back to: Anne").click()
    studio.said("Left out, no longer in the gallery")
    studio.ready()
    assert studio.faults == []

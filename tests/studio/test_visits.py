"""What a visitor brings and keeps: paintings, presets, several photos, clips; what survives; who sees what."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import requests
from clips import moving, write
from helpers import file_bytes, scene
from visitors import Studio

NAMES = "return [...studio.strip.tiles.keys()]"


def painting(seed: int) -> bytes:
    return file_bytes(scene(300, 260, seed)[:, :, ::-1].copy())


def bring_painting(studio: Studio, name: str, seed: int) -> str:
    """Bring a painting of one's own; its key."""
    studio.page.locator("nav input[type=file]").set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": painting(seed)}
    )
    studio.page.wait_for_function(
        "name => [...document.querySelector('impasto-studio').app.own.values()].some(one => one.name === name)",
        arg=name,
    )
    studio.ready()
    key: str = studio.look()["styles"][0]["style"]
    return key


def test_a_painting_of_ones_own_is_kept_renamed_and_removed(studio: Studio) -> None:
    before = studio.picture()
    key = bring_painting(studio, "Mein Bild.png", 5)
    assert key.startswith("own:")
    assert np.abs(studio.picture() - before).mean() > 5
    studio.page.get_by_role("button", name="Keep this painting").click()
    studio.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    studio.page.wait_for_function("() => document.querySelector('impasto-studio').strip.tiles.has('mein-bild')")
    studio.style("Mein Bild")
    studio.page.locator("[data-style=mein-bild]").click()
    studio.ready()
    studio.page.get_by_role("button", name="Rename").click()
    studio.page.get_by_role("dialog").get_by_role("textbox").fill("Zweites Bild")
    studio.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    studio.page.get_by_role("option", name="Zweites Bild").wait_for()
    studio.page.get_by_role("button", name="Remove", exact=True).click()
    studio.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    studio.page.wait_for_function("() => !document.querySelector('impasto-studio').strip.tiles.has('mein-bild')")
    studio.ready()
    assert studio.look()["styles"] == [{"style": "starry-night", "weight": 1}]


@pytest.mark.parametrize(
    ("button", "sent"),
    [
        ("Learn it (3 min)", {"seconds": "180", "boldness": None}),
        ("Learn it boldly (10 min)", {"seconds": "600", "boldness": "100"}),
    ],
)
def test_a_painting_is_learned_gently_or_boldly(studio: Studio, button: str, sent: dict[str, str | None]) -> None:
    bring_painting(studio, "Mein Bild.png", 5)
    studio.page.route(
        "**/v1/styles", lambda route: route.abort() if route.request.method == "POST" else route.continue_()
    )
    studio.page.get_by_role("button", name=button).click()
    with studio.page.expect_request(lambda request: request.method == "POST" and "/v1/styles" in request.url) as asked:
        studio.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    fields = dict(re.findall(r'name="(\w+)"\s+([^\s]+)', asked.value.post_data or ""))
    assert sent | {"name": "mein-bild"} == {key: fields.get(key) for key in (*sent, "name")}


def test_a_kept_painting_is_removed_by_its_owner_only(visit: Callable[..., Studio]) -> None:
    one = visit()
    bring_painting(one, "anne.png", 6)
    one.page.get_by_role("button", name="Keep this painting").click()
    one.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    one.page.wait_for_function("() => document.querySelector('impasto-studio').strip.tiles.has('anne')")
    status = (
        "return (await fetch('/v1/styles/anne', {method: 'DELETE', headers: {'Impasto-Visitor': argument}})).status"
    )
    assert one.do(status, "somebody-else-entirely") == 403
    assert one.do(status, one.do("return studio.app.store.get('visitor', '')")) == 204


def test_two_visitors_never_see_each_others_pictures(visit: Callable[..., Studio]) -> None:
    one, two = visit(), visit()
    one.bring(("secret.png", file_bytes(scene(400, 300, 9))))
    bring_painting(one, "mine.png", 8)
    two.page.reload()
    two.ready()
    assert two.do("return [...studio.app.photos.values()].map((one) => one.name)") == ["colosseum.jpg"]
    assert not any(name.startswith("own:") for name in two.do(NAMES))
    assert len(one.do("return studio.app.brought.photo.id")) >= 20


def test_a_reload_keeps_photo_look_parts_and_undo_works(studio: Studio) -> None:
    studio.bring(("holiday.png", file_bytes(scene(500, 400))))
    studio.style("Udnie")
    studio.slide("Strength", 80)
    studio.page.get_by_role("button", name="Brush the photo back").click()
    studio.stroke((0.3, 0.5), (0.6, 0.5))
    studio.page.keyboard.press("Escape")
    before, look = studio.picture(), studio.look()
    studio.stored(look["layers"][0]["mask"])
    studio.page.reload()
    studio.ready()
    assert studio.look() == look
    assert np.abs(studio.picture() - before).mean() < 1


def test_what_the_program_has_forgotten_is_brought_again(studio: Studio) -> None:
    studio.bring(("holiday.png", file_bytes(scene(500, 400))))
    bring_painting(studio, "mine.png", 4)
    before = studio.picture()
    for which in ("studio.app.brought", "[...studio.app.own.values()][0]"):
        studio.do(f"await fetch('/v1/uploads/' + {which}.photo.id, {{method: 'DELETE'}})")
    studio.slide("Strokes", 1)
    assert np.abs(studio.picture() - before).mean() > 1
    studio.slide("Strokes", 0)
    assert np.abs(studio.picture() - before).mean() < 0.5


def test_presets_are_kept_shared_and_come_back(studio: Studio) -> None:
    studio.style("Udnie")
    studio.slide("Strength", 55)
    studio.page.get_by_text("Presets", exact=True).click()
    studio.page.get_by_role("textbox", name="Name of this look").fill("Cool look")
    studio.page.get_by_role("textbox", name="Name of this look").press("Enter")
    with studio.page.expect_download() as waiting:
        studio.page.get_by_role("button", name="Save Cool look as a file").click()
    data = Path(waiting.value.path()).read_bytes()
    assert json.loads(data)["controls"]["strength"] == 55
    (here,) = requests.get(f"{studio.address}/v1/presets", timeout=9).json()["presets"]
    assert (here["name"], here["title"], here["styles"]) == (
        "cool-look",
        "Cool look",
        [{"style": "udnie", "weight": 1}],
    )
    studio.style("The Scream")
    studio.slide("Strength", 100)
    studio.page.get_by_role("button", name="Cool look", exact=True).click()
    studio.ready()
    assert studio.look()["styles"][0]["style"] == "udnie"
    studio.style("The Scream")
    studio.bring(("cool.impasto.json", data), ready=False)
    studio.said("These are the settings of cool.impasto.json.")
    assert studio.look()["controls"]["strength"] == 55
    studio.page.get_by_role("button", name="Remove Cool look").click()
    studio.page.get_by_role("button", name="Cool look", exact=True).wait_for(state="detached")
    assert requests.get(f"{studio.address}/v1/presets", timeout=9).json() == {"presets": []}


def test_a_saved_picture_brings_its_settings_back(studio: Studio) -> None:
    studio.bring(("holiday.png", file_bytes(scene(500, 400))))
    studio.style("Udnie")
    studio.slide("Strength", 65)
    name, data = studio.exported()
    studio.style("The Scream")
    studio.slide("Strength", 100)
    studio.bring((name, data), ready=False)
    studio.said("its settings are back")
    studio.ready()
    look = studio.look()
    assert (look["styles"][0]["style"], look["controls"]["strength"]) == ("udnie", 65)
    assert studio.do("return studio.app.brought.name") == "holiday.png"


def test_several_photos_are_painted_alike_into_a_zip_file(studio: Studio) -> None:
    studio.bring(("one.png", file_bytes(scene(300, 200, 1))), ("two.png", file_bytes(scene(200, 300, 2))))
    studio.page.get_by_role("button", name="two.png", exact=True).wait_for()
    studio.style("Udnie")
    studio.page.get_by_role("button", name="Export…").click()
    studio.page.get_by_role("dialog").get_by_label("All 2 photos").check(force=True)
    with studio.page.expect_download() as waiting:
        studio.page.get_by_role("dialog").get_by_role("button", name="Export", exact=True).click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        assert sorted(archive.namelist()) == ["one.jpg", "report.json", "two.jpg"]
        assert json.loads(archive.read("report.json"))["painted"] == 2


def test_a_clip_shows_key_frames_and_is_painted(studio: Studio, tmp_path: Path) -> None:
    file = write(tmp_path / "walk.mp4", moving(12), sound=True)
    studio.bring(file)
    frames = studio.page.get_by_role("button", name="Frame at")
    assert frames.count() == 8
    first = studio.picture()
    frames.last.click()
    studio.ready()
    assert np.abs(studio.picture() - first).mean() > 0.5
    name, data = studio.exported()
    assert name == "walk-painted.mp4"
    with av.open(io.BytesIO(data)) as painted:
        assert len(list(painted.decode(video=0))) == 12


def test_work_is_stopped_and_its_entry_goes(studio: Studio) -> None:
    studio.bring(("large.png", file_bytes(scene(1500, 1200))))
    studio.page.get_by_role("button", name="Export…").click()
    studio.page.get_by_role("dialog").get_by_label("Poster").check(force=True)
    studio.page.get_by_role("dialog").get_by_role("button", name="Export", exact=True).click()
    tray = studio.page.get_by_role("region", name="Work")
    tray.get_by_role("button", name="Stop").click()
    tray.get_by_text("Stopping…").or_(tray.get_by_text("Stopped")).first.wait_for(timeout=5000)  # while it goes on
    tray.get_by_text("Stopped").wait_for()
    tray.get_by_role("button", name="Dismiss").click()
    tray.wait_for(state="hidden")


def test_forgetting_everything_leaves_nothing(studio: Studio) -> None:
    studio.bring(("holiday.png", file_bytes(scene(300, 200))))
    upload = studio.do("return studio.app.brought.photo.id")
    studio.page.get_by_role("button", name="Keys and about").click()
    studio.page.get_by_role("button", name="Forget everything here").click()
    with studio.page.expect_navigation():
        studio.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    studio.ready()
    assert studio.do("return studio.app.brought.name") == "colosseum.jpg"
    assert studio.do("return (await fetch('/v1/uploads/' + argument)).status", upload) == 404


def test_what_cannot_be_opened_is_named_and_the_page_lives_on(studio: Studio) -> None:
    for name, data in (
        ("notes.png", b"this is a text, not a picture"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"),
        ("empty.jpg", b""),
        ("half.png", file_bytes(scene(300, 200))[:2000]),
        ("settings.json", b"{broken"),
    ):
        studio.bring((name, data), ready=False)
        alert = studio.page.get_by_role("alert").get_by_text(name)
        alert.wait_for()
        assert "--" not in alert.text_content()
    studio.style("Udnie")
    assert studio.look()["styles"][0]["style"] == "udnie"
    studio.bring(("holiday.png", file_bytes(scene(300, 200))))
    assert studio.page.get_by_role("alert").inner_text() == ""  # it is over


def test_a_picture_that_is_too_large_is_refused_in_the_pages_words(studio: Studio) -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.new("1", (6000, 4000)).save(out, "PNG")
    studio.bring(("huge.png", out.getvalue()), ready=False)
    text = studio.page.get_by_role("alert").get_by_text("huge.png").text_content()
    assert "megapixels" in text
    assert "--" not in text

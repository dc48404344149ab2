"""What happens in an order that nobody wishes for: quick changes of mind, lost answers, small windows, two tabs."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from helpers import file_bytes, scene
from PIL import Image
from visitors import Studio, pixels


def painted(studio: Studio) -> np.ndarray:
    return studio.picture()[:, :, :3]


def test_a_change_of_mind_shows_the_last_wish(studio: Studio) -> None:
    first = painted(studio)

    def late(route: Any) -> None:
        studio.page.wait_for_timeout(400)
        route.continue_()

    studio.page.route("**/painted?side=640&style=udnie*", late)
    studio.do(
        "const style = (name) => studio.app.settle({...studio.app.look, styles: [{style: name, weight: 1}]});"
        "style('udnie'); await new Promise((done) => setTimeout(done, 50)); style('starry-night')"
    )
    studio.page.wait_for_timeout(1500)
    studio.ready()
    assert np.abs(painted(studio) - first).max() <= 1
    assert studio.faults == []


def test_the_picture_has_room_in_low_windows(studio: Studio) -> None:
    for width, height in ((1280, 600), (960, 470), (844, 390)):
        studio.page.set_viewport_size({"width": width, "height": height})
        studio.page.wait_for_timeout(300)
        stage = studio.page.locator(".stage").bounding_box()
        assert stage["height"] >= 150
        assert stage["y"] + stage["height"] <= height


def test_ones_own_paintings_are_in_the_strip_after_a_reload(studio: Studio) -> None:
    studio.page.locator("nav input[type=file]").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": file_bytes(scene(200, 200, 3))}
    )
    studio.page.get_by_role("option", name="mine").wait_for()
    studio.ready()
    studio.page.reload()
    studio.ready()
    studio.page.get_by_role("option", name="mine").wait_for()
    assert studio.look()["styles"][0]["style"].startswith("own:")


def test_a_fault_at_a_reload_loses_no_photo(studio: Studio) -> None:
    studio.bring(("holiday.png", file_bytes(scene(300, 200))))
    studio.stored(studio.do("return studio.app.state.photo"))
    busy = {"status": 503, "json": {"title": "Busy", "detail": "too much waits", "status": 503}}
    studio.page.route("**/v1/uploads/*", lambda route: route.fulfill(**busy))
    studio.page.reload()
    again = studio.page.get_by_role("alert").get_by_role("button", name="Try again")
    again.wait_for()
    studio.page.unroute("**/v1/uploads/*")
    again.click()
    studio.ready()
    assert studio.do("return studio.app.brought.name") == "holiday.png"


def test_parts_stay_with_the_photo_that_they_were_drawn_on(studio: Studio) -> None:
    studio.bring(("one.png", file_bytes(scene(300, 200, 1))), ("two.png", file_bytes(scene(300, 200, 2))))
    studio.page.get_by_role("button", name="one.png", exact=True).click()
    studio.ready()
    studio.page.get_by_role("button", name="Brush the photo back").click()
    studio.stroke((0.3, 0.5), (0.6, 0.5))
    studio.page.keyboard.press("Escape")
    mask = studio.look()["layers"][0]["mask"]
    studio.page.get_by_role("button", name="two.png", exact=True).click()
    studio.ready()
    assert studio.look()["layers"] == []
    studio.page.get_by_role("button", name="one.png", exact=True).click()
    studio.ready()
    assert studio.look()["layers"][0]["mask"] == mask
    studio.page.get_by_role("button", name="Remove one.png").click()
    studio.ready()
    assert studio.look()["layers"] == []
    assert studio.do("return studio.app.brought.name") == "two.png"


def test_soft_edges_of_a_logo_are_painted_as_they_are_exported(studio: Studio) -> None:
    logo = np.zeros((240, 320, 4), np.uint8)
    logo[:, :, :3] = (200, 60, 20)
    logo[:, :, 3] = np.linspace(0, 255, 320).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(logo).save(out, "PNG")
    studio.bring(("logo.png", out.getvalue()))
    shown = studio.picture()
    _, data = studio.exported("PNG")
    with Image.open(io.BytesIO(data)) as image:
        file = np.asarray(image.convert("RGBA"), np.float32)
    seen = file[:, :, 3] > 60
    assert np.abs(shown[:, :, 3] - file[:, :, 3]).max() <= 2
    assert np.abs(shown - file)[seen].mean() < 4


def test_real_pixels_are_on_both_sides_of_the_split(studio: Studio) -> None:
    photo = scene(2100, 1400)
    studio.bring(("large.png", file_bytes(photo)))
    studio.page.locator("canvas.picture").focus()
    studio.page.keyboard.press("\\")
    studio.page.keyboard.press("1")
    studio.page.wait_for_function("() => document.querySelector('impasto-studio').view.tile?.photo")
    x, y, width, height = studio.do("return studio.view.tile.crop")
    url = studio.do(
        "const c = document.createElement('canvas'), t = studio.view.tile.photo; c.width = t.width; "
        "c.height = t.height; c.getContext('2d').drawImage(t, 0, 0); return c.toDataURL('image/png')"
    )
    assert np.abs(pixels(url)[:, :, :3] - photo[y : y + height, x : x + width]).mean() < 6  # a JPEG lies between


def test_a_faint_mask_is_painted_as_it_is_shown(studio: Studio) -> None:
    studio.do(
        "const mask = document.createElement('canvas'); mask.width = 640; mask.height = 360;"
        "const to = mask.getContext('2d'); to.fillStyle = 'rgb(255 255 255 / 40%)'; to.fillRect(0, 0, 320, 360);"
        "const key = studio.app.keepMask(mask);"
        "const layer = {id: 'a', style: 'none', strength: null, brush_size: null, found: '', mask: key};"
        "studio.app.settle({...studio.app.look, layers: [layer]})"
    )
    studio.ready()
    shown = painted(studio)
    _, data = studio.exported("PNG")
    with Image.open(io.BytesIO(data)) as image:
        file = np.asarray(image.convert("RGB"), np.float32)
    assert np.abs(shown - file)[:, :400].mean() < 3


def test_single_letters_can_be_turned_off(studio: Studio) -> None:
    for count, wanted in enumerate((False, True)):
        studio.page.get_by_role("button", name="Keys and about").click()
        studio.page.get_by_label("Single letters are keys").set_checked(wanted)
        studio.page.get_by_role("dialog").get_by_role("button", name="Close").click()
        studio.page.locator("canvas.picture").focus()
        studio.page.keyboard.press("f")
        assert studio.do("return studio.strip.favorites.size") == count


def test_a_second_tab_does_not_undo_what_the_first_keeps(studio: Studio) -> None:
    studio.bring(("holiday.png", file_bytes(scene(300, 200))))
    other = studio.page.context.new_page()
    other.goto(studio.address)
    other.wait_for_function("() => document.querySelector('impasto-studio')?.painter?.picture")
    other.evaluate(
        "() => { const { app } = document.querySelector('impasto-studio'); "
        "app.settle({...app.look, styles: [{style: 'the-scream', weight: 1}]}) }"
    )
    other.close()
    studio.page.reload()
    studio.ready()
    assert studio.do("return studio.app.brought.name") == "holiday.png"
    assert studio.look()["styles"][0]["style"] == "starry-night"


def test_looking_for_people_where_there_are_none_says_so(studio: Studio) -> None:
    studio.page.get_by_role("button", name="Keep the person").click()
    studio.page.get_by_role("status").filter(has_text="nobody").wait_for()

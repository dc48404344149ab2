"""What a visitor does with one photo."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import file_bytes, scene
from PIL import Image
from visitors import Studio, pixels, saved

from impasto.styles.gallery import Gallery
from impasto.system.files import ASSETS


def test_the_sample_is_painted_and_shown_in_every_style(visit: Callable[..., Studio]) -> None:
    studio = visit(strip=True)
    studio.page.wait_for_function(
        "() => document.querySelector('impasto-studio').shadowRoot.querySelectorAll('[data-painted]').length === "
        f"{len(Gallery().names())}"
    )
    assert np.abs(studio.picture()[:, :, :3] - studio.photo()).mean() > 10
    assert studio.faults == []
    assert studio.hosts == {studio.address.split("/")[2]}


def test_a_photo_is_opened_painted_in_another_style_and_undone(studio: Studio) -> None:
    studio.bring(("holiday.png", file_bytes(scene(900, 600))))
    studio.said("holiday.png · 900 × 600")
    first = studio.picture()
    assert first.shape[:2] == (600, 900)
    studio.style("The Great Wave")
    second = studio.picture()
    assert np.abs(first - second).mean() > 5
    studio.page.keyboard.press("Control+z")
    studio.ready()
    assert np.abs(studio.picture() - first).max() <= 1
    studio.page.get_by_role("button", name="Redo").click()
    studio.ready()
    assert np.abs(studio.picture() - second).max() <= 1


def test_the_arrow_keys_walk_through_the_styles(studio: Studio) -> None:
    studio.page.get_by_role("option", name="The Starry Night").focus()
    studio.page.keyboard.press("ArrowRight")
    studio.ready()
    assert studio.look()["styles"][0]["style"] == "wheat-field"
    assert studio.page.get_by_role("option", name="Wheat Field").get_attribute("aria-selected") == "true"


def test_strength_follows_the_slider_without_asking(studio: Studio) -> None:
    full, photo = studio.picture()[:, :, :3], studio.photo()
    studio.page.wait_for_function(
        "() => document.querySelector('impasto-studio').shadowRoot.querySelectorAll('[data-painted]').length === "
        f"{len(Gallery().names())}"
    )
    asked: list[str] = []
    studio.page.on("request", lambda request: asked.append(request.url))
    studio.slide("Strength", 40)
    assert np.abs(studio.picture()[:, :, :3] - (photo + 0.4 * (full - photo))).max() <= 2
    studio.slide("Strength", 0)
    assert np.abs(studio.picture()[:, :, :3] - photo).max() <= 1
    assert asked == []
    studio.page.get_by_text("Strength", exact=True).first.dblclick()
    studio.ready()
    assert studio.look()["controls"]["strength"] == 100


@pytest.mark.parametrize(("group", "control"), [("Colors", "keep_color"), ("Light", "tone")])
def test_what_is_mixed_in_the_browser_is_what_the_library_paints(studio: Studio, group: str, control: str) -> None:
    studio.slide("Strength", 80)
    studio.page.get_by_role("group", name=group).get_by_label("Photo").check(force=True)
    studio.ready()
    assert studio.look()["controls"][control] in ("luminance", "match")
    shown = studio.picture()[:, :, :3]
    _, data = studio.exported()
    file = saved(data)
    assert file.shape == shown.shape
    assert np.abs(file - shown).mean() < 4  # two JPEG files lie between
    assert abs((file - shown).mean()) < 1


def test_the_brush_brings_the_photo_back_and_takes_it_away_again(studio: Studio) -> None:
    painted, photo = studio.picture()[:, :, :3], studio.photo()
    studio.page.get_by_role("button", name="Brush the photo back").click()
    studio.stroke((0.3, 0.5), (0.6, 0.5))
    height, width = photo.shape[:2]
    middle = (slice(height // 2 - 8, height // 2 + 8), slice(int(width * 0.35), int(width * 0.55)))
    shown = studio.picture()[:, :, :3]
    assert np.abs(shown[middle] - photo[middle]).mean() < 2
    assert np.abs(shown[:20] - painted[:20]).max() <= 1
    studio.page.keyboard.press("x")  # erase
    studio.stroke((0.3, 0.5), (0.6, 0.5))
    assert np.abs(studio.picture()[:, :, :3][middle] - painted[middle]).mean() < 2
    studio.page.keyboard.press("Control+z")
    studio.ready()
    assert np.abs(studio.picture()[:, :, :3][middle] - photo[middle]).mean() < 2


def test_the_effect_is_brushed_in_by_keyboard(studio: Studio) -> None:
    painted, photo = studio.picture()[:, :, :3], studio.photo()
    studio.page.get_by_role("button", name="Brush the effect in").click()
    studio.ready()
    assert np.abs(studio.picture()[:, :, :3] - photo).max() <= 2
    studio.page.locator("canvas.picture").focus()
    studio.page.keyboard.press("ArrowRight")
    studio.page.keyboard.press("Space")
    studio.ready()
    shown = studio.picture()[:, :, :3]
    height, width = photo.shape[:2]
    x = round(width * studio.do("return studio.brush.place.x"))
    place = (slice(height // 2 - 5, height // 2 + 5), slice(x - 5, x + 5))
    assert np.abs(shown[place] - painted[place]).mean() < 3
    assert np.abs(shown[:10] - photo[:10]).max() <= 2


def test_a_part_in_another_style_is_exported_as_it_is_shown(studio: Studio) -> None:
    studio.page.get_by_role("button", name="Another style here").click()
    studio.stroke((0.2, 0.3), (0.8, 0.3), (0.8, 0.6))
    part = studio.page.get_by_role("listitem", name="Part 1")
    part.get_by_role("combobox").select_option("udnie")
    studio.ready()
    studio.slide("Strength", 70, part)
    assert studio.look()["layers"][0]["strength"] == 70
    shown = studio.picture()[:, :, :3]
    _, data = studio.exported()
    file = saved(data)
    assert np.abs(file - shown).mean() < 4


def test_a_blend_is_made_by_clicks_and_dragged(studio: Studio) -> None:
    studio.page.get_by_role("button", name="Blend").click()
    studio.style("Udnie")
    studio.style("The Scream")
    assert [share["style"] for share in studio.look()["styles"]] == ["starry-night", "udnie", "the-scream"]
    pad = studio.page.locator(".pad").bounding_box()
    studio.page.mouse.move(pad["x"] + pad["width"] / 2, pad["y"] + pad["height"] / 2)
    studio.page.mouse.down()
    studio.page.mouse.move(pad["x"] + pad["width"] / 2, pad["y"] + 0.08 * pad["height"], steps=5)
    studio.page.mouse.up()
    studio.ready()
    weights = [share["weight"] for share in studio.look()["styles"]]
    assert weights[0] > 90  # the pointer is in the first one's corner
    assert max(weights[1:]) < 6


def test_a_logo_keeps_its_transparency(studio: Studio) -> None:
    logo = np.zeros((200, 300, 4), np.uint8)
    logo[50:150, 50:250] = (200, 60, 20, 255)
    out = io.BytesIO()
    Image.fromarray(logo).save(out, "PNG")
    studio.bring(("logo.png", out.getvalue()))
    shown = studio.picture()
    assert shown[10, 10, 3] == 0
    assert shown[100, 150, 3] == 255


def test_real_pixels_are_those_of_the_export(studio: Studio) -> None:
    studio.bring(("large.png", file_bytes(scene(1800, 1200))))
    studio.page.locator("canvas.picture").focus()
    studio.page.keyboard.press("1")
    studio.page.wait_for_function("() => document.querySelector('impasto-studio').view.tile")
    x, y, width, height = studio.do("return studio.view.tile.crop")
    assert studio.do("return studio.view.geometry.scale * studio.view.geometry.dots") == pytest.approx(1)
    assert studio.do("const t = studio.view.tile.picture; return [t.width, t.height]") == [width, height]
    url = studio.do(
        "const c = document.createElement('canvas'), t = studio.view.tile.picture; c.width = t.width; "
        "c.height = t.height; c.getContext('2d').drawImage(t, 0, 0); return c.toDataURL('image/png')"
    )
    tile = pixels(url)[:, :, :3]
    name, data = studio.exported("PNG")
    assert name == "large-painted.png"
    file = saved(data)
    assert file.shape == (1200, 1800, 3)
    assert np.abs(file[y : y + height, x : x + width] - tile).mean() < 2.5


def test_metadata_goes_if_that_is_wished(studio: Studio) -> None:
    exif = Image.Exif()
    exif[0x0110] = "A camera"  # its model
    exif.get_ifd(0x8825)[1] = "N"  # a place
    out = io.BytesIO()
    Image.fromarray(scene(300, 200)).save(out, "JPEG", exif=exif)
    studio.bring(("holiday.jpg", out.getvalue()))
    kept = {}
    for choice in ("Keep all", "Remove the place", "Remove all"):
        _, data = studio.exported(choice)
        with Image.open(io.BytesIO(data)) as image:
            found = image.getexif()
            kept[choice] = found.get(0x0110), dict(found.get_ifd(0x8825))
    assert kept == {"Keep all": ("A camera", {1: "N"}), "Remove the place": ("A camera", {}), "Remove all": (None, {})}


def test_the_command_that_is_shown_gives_the_same_bytes(studio: Studio, tmp_path: Path) -> None:
    photo = file_bytes(scene(700, 500))
    (tmp_path / "my photo.png").write_bytes(photo)
    studio.bring(("my photo.png", photo))
    studio.style("Udnie")
    studio.slide("Strength", 70)
    studio.slide("Strokes", 1)  # twice as broad
    studio.page.get_by_role("button", name="Export…").click()
    dialog = studio.page.get_by_role("dialog")
    dialog.get_by_label("PNG").check(force=True)
    dialog.get_by_text("The same on the command line").click()
    command = dialog.locator("code").text_content()
    with studio.page.expect_download() as waiting:
        dialog.get_by_role("button", name="Export", exact=True).click()
    words = shlex.split(command)
    assert words[:2] == ["impasto", "stylize"]
    subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, check=True, capture_output=True)
    assert Path(waiting.value.path()).read_bytes() == (tmp_path / "my photo-painted.png").read_bytes()


def test_before_and_after(studio: Studio) -> None:
    canvas = "return studio.view.canvas.toDataURL()"
    painted = studio.do(canvas)
    studio.page.locator("canvas.picture").focus()
    studio.page.keyboard.down("b")
    photo = studio.do(canvas)
    studio.page.keyboard.up("b")
    assert photo != painted
    assert studio.do(canvas) == painted
    studio.page.keyboard.press("\\")
    assert studio.page.get_by_role("button", name="Split").get_attribute("aria-pressed") == "true"
    assert studio.do(canvas) not in (painted, photo)


def test_history_brings_back_all_settings_and_compares(studio: Studio, visit: Callable[..., Studio]) -> None:
    studio.slide("Strength", 60)
    studio.remembered()
    studio.style("Udnie")
    studio.remembered()
    studio.page.get_by_role("button", name="Back to: The Starry Night 60 %").click()
    studio.ready()
    assert studio.look()["controls"]["strength"] == 60
    assert studio.look()["styles"][0]["style"] == "starry-night"
    studio.remembered()
    studio.page.get_by_role("button", name="Compare: Udnie").click()
    labels = studio.page.wait_for_function("() => document.querySelector('impasto-studio').view.pair?.labels")
    assert labels.json_value()[1] == "Now"


def test_the_preview_is_the_export_fitted_to_the_screen(studio: Studio) -> None:
    metrics = pytest.importorskip("impasto.measure.metrics")  # and PyTorch
    with Image.open(ASSETS / "samples" / "colosseum.jpg") as sample:
        photo = np.asarray(sample.convert("RGB").resize((2048, 1152), Image.Resampling.LANCZOS))
    studio.bring(("large.png", file_bytes(photo)))
    url = studio.do("return studio.painter.picture.toDataURL('image/png')")
    _, data = studio.exported()

    def fitted(picture: np.ndarray) -> np.ndarray:
        small = Image.fromarray(picture.astype(np.uint8)).resize((864, 486), Image.Resampling.LANCZOS)
        return np.asarray(small, np.float32) / 255

    shown, file = fitted(pixels(url)[:, :, :3]), fitted(saved(data))
    assert np.abs(shown - file).mean() < 2.5 / 255
    assert metrics.ssim(shown, file) > 0.97

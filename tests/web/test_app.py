"""The app that paints in the browser: its first visit, without a connection, what it saves, and what goes wrong."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import ROOT, chromium, file_bytes, scene
from hosts import Host
from PIL import Image
from visitors import PHONE, Studio

import impasto
from impasto.picture.metadata import made_with_of

WAIT = 90_000
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTROLLED = "() => navigator.serviceWorker.controller"


@pytest.fixture
def visit(browser: Any, host: Host, tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    """Makes visitors, each with a browser's profile of its own. The strip is painted where `strip` asks for it."""
    contexts = []

    def make(strip: bool = False, **options: Any) -> Studio:
        context = browser.new_context(**{"viewport": {"width": 1300, "height": 850}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        studio = Studio(page, host.url, tmp_path)
        page.on("pageerror", lambda error: studio.faults.append(str(error)))
        page.on("console", lambda line: line.type == "error" and studio.faults.append(line.text))
        context.on(
            "request", lambda request: studio.hosts.add(request.url.split("/")[2] if "//" in request.url else "")
        )
        studio.open()
        if not strip:
            studio.do("const one = await (await fetch('icon.svg')).blob(); studio.app.engine.file = async () => one;")
        return studio

    yield make
    for context in contexts:
        context.close()


def camera_photo() -> bytes:
    """A photo that lies on its side, with a place."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 1.0, 2.0)})
    data = io.BytesIO()
    Image.fromarray(scene(96, 64)).save(data, "JPEG", exif=exif, quality=95)
    return data.getvalue()


def test_is_there_after_six_megabytes_and_then_without_a_connection(visit: Callable[..., Studio], host: Host) -> None:
    studio = visit(strip=True)
    studio.page.wait_for_function(CONTROLLED)
    strip = (
        "() => document.querySelector('impasto-studio').strip.element.querySelectorAll('[data-painted]').length > 33"
    )
    studio.page.wait_for_function(strip)
    assert sum(host.sent.values()) <= 6_000_000
    assert studio.hosts <= {host.url.split("/")[2], ""}
    assert studio.faults == []
    host.shutdown()
    host.server_close()
    studio.page.reload()
    studio.ready()
    assert studio.page.evaluate("crossOriginIsolated")  # which the host does not say
    before = studio.picture()
    studio.style("The Scream")
    studio.bring(("own.png", file_bytes(scene(90, 70, seed=5))))
    assert studio.picture().shape != before.shape
    assert not [fault for fault in studio.faults if "ERR_CONNECTION_REFUSED" not in fault]


def test_saves_what_the_command_line_saves(visit: Callable[..., Studio]) -> None:
    studio = visit()
    studio.bring(("photo.jpg", camera_photo()))
    studio.style("The Great Wave")
    studio.slide("Strength", 80)
    name, data = studio.exported("PNG")
    assert name == "photo-painted.png"
    result = impasto.Picture.open(data)
    wanted = impasto.stylize(camera_photo(), "great-wave", engine="light", strength=80)
    assert (result.width, result.height) == (64, 96)
    assert np.abs(result.pixels - wanted.pixels).mean() * 255 <= 2
    exif = Image.open(io.BytesIO(data)).getexif()
    assert exif.get(0x0112, 1) == 1
    assert exif[0x010F] == "Maker"
    assert exif.get_ifd(0x8825)
    assert made_with_of(result.metadata) == json.loads(json.dumps(wanted.made_with))
    name, data = studio.exported("Remove the place")
    assert not Image.open(io.BytesIO(data)).getexif().get_ifd(0x8825)
    studio.style("Wheat Field")
    studio.bring(("again.png", data))  # its settings come back
    studio.ready()
    assert studio.look()["styles"][0]["style"] == "great-wave"
    assert studio.look()["controls"]["strength"] == 80


def test_paints_parts_and_shows_real_pixels_as_it_saves_them(visit: Callable[..., Studio]) -> None:
    studio = visit()
    studio.bring(("large.png", file_bytes(scene(1600, 1000))))
    studio.page.get_by_role("button", name="Another style here").click()
    studio.stroke((0.2, 0.3), (0.8, 0.3))
    studio.page.get_by_role("button", name="Export…").click()
    command = studio.page.get_by_role("dialog").locator("code")
    assert "--engine light" in (command.text_content() or "")
    studio.page.keyboard.press("Escape")
    _, data = studio.exported("PNG")
    saved = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float32)
    assert saved.shape == (1000, 1600, 3)
    crop = studio.do(
        "const picture = await studio.painter.crop([400, 200, 300, 200], false, new AbortController().signal);"
        "const canvas = document.createElement('canvas'); canvas.width = 300; canvas.height = 200;"
        "canvas.getContext('2d').drawImage(picture, 0, 0);"
        "return [...canvas.getContext('2d').getImageData(0, 0, 300, 200).data]"
    )
    seen = np.array(crop, np.float32).reshape(200, 300, 4)[..., :3]
    assert np.abs(seen - saved[200:400, 400:700]).max() == 0


def test_paints_by_the_painter_once_it_is_fetched(visit: Callable[..., Studio], host: Host) -> None:
    studio = visit()
    studio.bring(("photo.png", file_bytes(scene(160, 120))))
    assert not any("painter" in path for path in host.sent)
    quick = studio.picture()
    painted = "() => document.querySelector('impasto-studio').painter.painted?.hand === 'painter'"
    studio.page.get_by_label("Fine", exact=True).check(force=True)
    studio.page.wait_for_function(painted)
    studio.ready()
    assert np.abs(studio.picture().astype(int) - quick).mean() > 5
    studio.page.get_by_role("button", name="Export…").click()
    command = studio.page.get_by_role("dialog").locator("code")
    assert "--engine" not in (command.text_content() or "")
    studio.page.keyboard.press("Escape")
    _, data = studio.exported("PNG")
    result = impasto.Picture.open(data)
    wanted = impasto.stylize(Image.fromarray(scene(160, 120)), "starry-night")
    assert np.abs(result.pixels - wanted.pixels).mean() * 255 <= 2
    assert made_with_of(result.metadata) == json.loads(json.dumps(wanted.made_with))
    studio.page.wait_for_function(CONTROLLED)
    host.shutdown()
    host.server_close()
    studio.page.reload()  # the painter was kept, and is chosen still
    studio.ready()
    studio.page.wait_for_function(painted)


def test_keeps_to_the_light_engine_where_the_painter_cannot_be_fetched(
    visit: Callable[..., Studio], host: Host
) -> None:
    studio = visit()
    painter = next((host.folder / "engine").glob("painter.*.xz"))
    host.pages[f"/engine/{painter.name}"] = painter.read_bytes()[:100_000]
    studio.page.get_by_label("Fine", exact=True).check(force=True)
    studio.said("could not be fetched")
    assert studio.page.get_by_label("Quick", exact=True).is_checked()
    studio.style("The Scream")
    assert studio.do("return studio.painter.painted.hand") == "light"


def test_says_what_it_cannot_open(visit: Callable[..., Studio]) -> None:
    studio = visit()
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100
    clip = b"\0\0\0\x18ftypisom\0\0\0\0isomavc1" + b"\0" * 100
    studio.bring(("broken.jpg", camera_photo()[:200]), ready=False)
    studio.said("cannot open the picture")
    studio.bring(("phone.heic", heic), ready=False)
    studio.said("phone.heic is a HEIC photo, which this browser cannot open")
    studio.bring(("film.mp4", clip), ready=False)
    studio.said("film.mp4 is a clip")
    studio.ready()
    studio.style("The Scream")
    assert studio.picture().any()


def test_axe_finds_nothing(visit: Callable[..., Studio]) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make studio")
    for options in ({"color_scheme": "dark"}, PHONE):
        studio = visit(bypass_csp=True, **options)
        studio.page.add_script_tag(path=str(AXE))
        found = studio.do("return (await axe.run(document, {runOnly: argument})).violations", RULES)
        assert [one["id"] for one in found] == []
        if options is PHONE:
            bar = studio.page.locator(".bar").bounding_box()
            assert bar["height"] < 70  # in one line


def test_paints_what_is_shared_with_it(visit: Callable[..., Studio], host: Host) -> None:
    studio = visit()
    studio.page.wait_for_function(CONTROLLED)
    shared = """async (data) => {
      const form = new FormData();
      form.append("photos", new File([new Uint8Array(data)], "holiday é.png", { type: "image/png" }));
      return (await fetch("./share", { method: "POST", body: form })).url;
    }"""
    address = studio.page.evaluate(shared, list(file_bytes(scene(80, 60))))
    assert address == f"{host.url}?shared"
    studio.page.goto(address)
    studio.page.wait_for_function(
        "() => document.querySelector('impasto-studio')?.app?.brought?.name === 'holiday é.png'"
    )
    studio.ready()
    assert studio.picture().shape[:2] == (60, 80)


def test_a_new_version_waits_until_it_is_wanted(visit: Callable[..., Studio], host: Host) -> None:
    studio = visit()
    studio.page.wait_for_function(CONTROLLED)
    page = (host.folder / "index.html").read_bytes().replace(b"<title>Impasto", b"<title>Newer Impasto")
    worker = (host.folder / "sw.js").read_text()
    host.pages["/index.html"] = page
    host.pages["/sw.js"] = re.sub(r'"index\.html":"\w+"', '"index.html":"0123456789ab"', worker).encode()
    studio.page.evaluate("async () => (await navigator.serviceWorker.ready).update()")
    studio.said("A new version of Impasto is here.")
    assert studio.page.title() == "Impasto"
    with studio.page.expect_navigation():
        studio.page.get_by_role("button", name="Use it now").click()
    studio.ready()
    assert studio.page.title() == "Newer Impasto"


def test_paints_the_camera_live_while_the_strip_rests(browser: Any, host: Host, tmp_path: Path) -> None:
    arguments = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    camera = browser.browser_type.launch(executable_path=chromium(), args=arguments)
    try:
        page = camera.new_page()
        page.set_default_timeout(WAIT)
        studio = Studio(page, host.url, tmp_path)
        studio.open()
        count = "return studio.strip.element.querySelectorAll('[data-painted]').length"
        before = studio.do(count)
        page.get_by_role("button", name="Live").click()
        page.wait_for_function("() => /fps/.test(document.querySelector('impasto-studio').shadowRoot.textContent)")
        page.wait_for_timeout(3000)  # that of many thumbnails
        assert studio.do(count) <= before + 4  # those that were begun
        page.get_by_role("button", name="Take photo").click()
        page.wait_for_function("() => /camera/.test(document.querySelector('impasto-studio').app.brought.name)")
        studio.ready()
        assert max(studio.picture().shape) > 640
        page.wait_for_function(
            f"() => {{ const studio = document.querySelector('impasto-studio'); {count} > {before + 8} }}"
        )
    finally:
        camera.close()


def test_goes_on_once_the_files_are_whole(browser: Any, host: Host) -> None:
    models = next((host.folder / "engine").glob("light.*.xz"))
    address = f"/engine/{models.name}"
    host.pages[address] = models.read_bytes()[:100_000]
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    page.goto(host.url)
    page.get_by_role("alert").wait_for()
    assert models.name in (page.get_by_role("alert").text_content() or "")
    del host.pages[address]
    page.get_by_role("button", name="Try again").click()
    page.locator("impasto-studio").wait_for()
    page.close()


def test_says_that_there_is_no_room_to_keep_it(browser: Any, host: Host, tmp_path: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(WAIT)
    quota = {"origin": host.url.rstrip("/"), "quotaSize": 9_000_000}
    context.new_cdp_session(page).send("Storage.overrideQuotaForOrigin", quota)
    studio = Studio(page, host.url, tmp_path)
    studio.open()
    studio.said("There is no room to keep Impasto")
    assert studio.picture().any()
    context.close()

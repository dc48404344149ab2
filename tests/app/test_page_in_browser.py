"""The web page in a real browser; left out where there is no Chromium."""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import struct
import subprocess
import time
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import file_bytes, scene
from PIL import Image

from impasto.app.config import Config
from impasto.cli.app import command_line

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

sync_api = pytest.importorskip("playwright.sync_api")
WAIT = 60_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | Config(max_pixels=20_000_000).as_environment()
    environment["IMPASTO_HOME"] = str(tmp_path_factory.mktemp("home"))
    server = subprocess.Popen(
        command_line("127.0.0.1", port, Config(), headless=True), env=environment, stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: object, address: str) -> Iterator[object]:
    found = browser.new_page(viewport={"width": 1300, "height": 1400})  # type: ignore[attr-defined]
    found.set_default_timeout(WAIT)
    found.goto(address)
    found.wait_for_selector("text=Painted in")
    yield found
    found.close()


def settled(page: object) -> None:
    """Until the script has run to its end."""
    page.wait_for_timeout(300)  # type: ignore[attr-defined]
    page.wait_for_function("!document.querySelector('[data-test-script-state=running]')")  # type: ignore[attr-defined]


def downloaded(page: object, button: Any) -> Any:
    """What a button gives. It is drawn anew at the script's end, and a click just before is lost."""
    button.wait_for()
    settled(page)
    with page.expect_download() as waiting:  # type: ignore[attr-defined]
        button.click()
    return waiting.value


def after(page: object) -> np.ndarray:
    """The painted picture that is shown."""
    url = page.frame_locator("iframe[title*=compare]").locator("#after").get_attribute("src")  # type: ignore[attr-defined]
    import base64

    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB"), np.float32)


def upload(page: object, name: str, data: bytes, key: str = "photos") -> None:
    # By its key, not by its place: the page's parts may appear in any order.
    files = page.locator(f".st-key-{key} input[type=file]")  # type: ignore[attr-defined]
    files.set_input_files({"name": name, "mimeType": "image/png", "buffer": data})
    settled(page)


def test_upload_pick_slide_compare_download(page: object, tmp_path: Path) -> None:
    upload(page, "holiday.png", file_bytes(scene(900, 600)))
    page.wait_for_selector("text=900 × 600 pixels")  # type: ignore[attr-defined]
    settled(page)
    first = after(page)
    page.get_by_role("button", name="great wave", exact=True).click()  # type: ignore[attr-defined]
    page.wait_for_selector("text=--style great-wave", state="attached")  # type: ignore[attr-defined]
    settled(page)
    second = after(page)
    assert np.abs(first - second).mean() > 5
    strength = page.get_by_role("slider", name="Strength")  # type: ignore[attr-defined]
    strength.focus()
    for _ in range(60):  # by keyboard
        page.keyboard.press("ArrowLeft")  # type: ignore[attr-defined]
    settled(page)
    page.wait_for_selector("text=great-wave·40 %")  # type: ignore[attr-defined]
    photo = np.asarray(Image.open(io.BytesIO(file_bytes(scene(900, 600)))).resize((640, 427)), np.float32)
    assert np.abs(after(page) - photo).mean() < np.abs(second - photo).mean()
    # The handle between before and after.
    frame = page.frame_locator("iframe[title*=compare]")  # type: ignore[attr-defined]
    frame.locator("#range").focus()
    page.keyboard.press("End")  # type: ignore[attr-defined]
    assert frame.locator("#box").get_attribute("style").startswith("--at: 100%")
    # The download has the photo's size.
    page.get_by_role("button", name="Paint at full size").click()  # type: ignore[attr-defined]
    button = page.get_by_role("button", name="Download", exact=True).first  # type: ignore[attr-defined]
    download = downloaded(page, button)
    assert download.suggested_filename == "holiday-painted.png"
    download.save_as(tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (900, 600)


def test_a_painting_of_ones_own_is_a_style_and_can_be_kept(page: object) -> None:
    upload(page, "my painting.png", file_bytes(scene(300, 300, 5)[:, :, ::-1].copy()), key="painting")
    page.wait_for_selector("text=my painting.png·100 %")  # type: ignore[attr-defined]
    page.get_by_role("button", name="Keep it").click()  # type: ignore[attr-defined]
    field = page.get_by_role("textbox", name="Name")  # type: ignore[attr-defined]
    field.fill("Not A Name")
    field.press("Enter")
    settled(page)
    page.get_by_role("button", name="Save to your gallery").click()  # type: ignore[attr-defined]
    page.wait_for_selector("text=cannot be a style's name")  # type: ignore[attr-defined]
    field.fill("kept")
    field.press("Enter")
    settled(page)
    page.get_by_role("button", name="Save to your gallery").click()  # type: ignore[attr-defined]
    page.wait_for_selector("text=kept·100 %")  # type: ignore[attr-defined]
    page.get_by_role("button", name="Delete").click()  # type: ignore[attr-defined]
    page.wait_for_selector("text=starry-night·100 %")  # type: ignore[attr-defined]


def test_a_region_is_drawn_and_left_as_it_is(page: object) -> None:
    whole = after(page)
    page.get_by_text("Regions: another style").click()  # type: ignore[attr-defined]
    page.get_by_role("button", name="Add a region").click()  # type: ignore[attr-defined]
    settled(page)
    frame = page.frame_locator("iframe[title*=draw]")  # type: ignore[attr-defined]
    box = frame.locator("#box")
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # type: ignore[attr-defined]
    edge = box.bounding_box()
    mouse = page.mouse  # type: ignore[attr-defined]
    mouse.move(edge["x"] + edge["width"] * 0.7, edge["y"] + edge["height"] * 0.3)
    mouse.down()
    mouse.move(edge["x"] + edge["width"] * 0.9, edge["y"] + edge["height"] * 0.3, steps=8)
    mouse.up()
    page.get_by_role("button", name="Save the mask").wait_for()  # type: ignore[attr-defined]
    settled(page)
    part = after(page)
    height, width = part.shape[:2]
    change = np.abs(part - whole).mean(2)
    assert change[int(height * 0.28) : int(height * 0.32), int(width * 0.75) : int(width * 0.85)].mean() > 10
    assert change[int(height * 0.8) :, : int(width * 0.3)].mean() < 3
    page.wait_for_selector("text=--region mask-1.png=none", state="attached")  # type: ignore[attr-defined]


def test_optimizing_shows_progress_stops_and_finishes(page: object, tmp_path: Path) -> None:
    page.get_by_role("tab", name="Best quality").click()  # type: ignore[attr-defined]
    number = page.get_by_role("spinbutton", name="Longer side in pixels", exact=True)  # type: ignore[attr-defined]
    number.fill("96")
    number.press("Enter")
    settled(page)
    count = page.get_by_role("spinbutton", name="Steps")  # type: ignore[attr-defined]
    count.fill("2000")
    count.press("Enter")
    settled(page)
    page.get_by_role("button", name="Start", exact=True).click()  # type: ignore[attr-defined]
    page.wait_for_selector("text=/step \\d+ of/")  # type: ignore[attr-defined]
    page.get_by_role("button", name="Stop and keep the best so far").click()  # type: ignore[attr-defined]
    page.wait_for_selector("text=Stopped: this is the best so far.")  # type: ignore[attr-defined]
    count.fill("20")
    count.press("Enter")
    settled(page)
    page.get_by_role("button", name="Start", exact=True).click()  # type: ignore[attr-defined]
    page.wait_for_selector("text=Stopped: this is the best so far.", state="detached")  # type: ignore[attr-defined]
    page.get_by_role("button", name="Stop and keep the best so far").wait_for(state="detached")  # type: ignore[attr-defined]
    button = page.get_by_role("tabpanel", name="Best quality").get_by_role("button", name="Download", exact=True)  # type: ignore[attr-defined]
    download = downloaded(page, button)
    download.save_as(tmp_path / "best.png")
    with Image.open(tmp_path / "best.png") as image:
        assert max(image.size) == 96


def test_a_clip_is_painted_with_its_preview(page: object, tmp_path: Path) -> None:
    from clips import moving
    from clips import write as write_clip

    clip = write_clip(tmp_path / "clip.mp4", moving(6), sound=True)
    page.get_by_role("tab", name="Video").click()  # type: ignore[attr-defined]
    files = page.get_by_role("tabpanel", name="Video").locator("input[type=file]")  # type: ignore[attr-defined]
    files.set_input_files(str(clip))
    page.wait_for_selector("text=96 × 64 pixels, 0.6 s, 10 frames a second")  # type: ignore[attr-defined]
    settled(page)
    page.get_by_role("button", name="Paint the clip").click()  # type: ignore[attr-defined]
    button = page.get_by_role("tabpanel", name="Video").get_by_role("button", name="Download", exact=True)  # type: ignore[attr-defined]
    download = downloaded(page, button)
    download.save_as(tmp_path / "painted.mp4")
    import av

    with av.open(str(tmp_path / "painted.mp4")) as container:
        assert len(list(container.decode(video=0))) == 6
        assert container.streams.audio
    text = {"name": "text.mp4", "mimeType": "video/mp4", "buffer": b"no video"}
    files.set_input_files(text)
    page.wait_for_selector("text=text.mp4 is no video")  # type: ignore[attr-defined]


def header_of_200_megapixels() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 20_000, 10_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_bad_uploads_get_a_line_and_the_page_lives_on(page: object) -> None:
    whole = file_bytes(scene(300, 200))
    bad = {"text.png": b"this is text", "half.png": whole[: len(whole) // 2], "huge.png": header_of_200_megapixels()}
    for name, data in bad.items():
        upload(page, name, data)
        page.locator("[data-testid=stAlert]", has_text=re.compile(re.escape(name))).wait_for()  # type: ignore[attr-defined]
    page.get_by_role("button", name="udnie", exact=True).click()  # type: ignore[attr-defined]
    page.wait_for_selector("text=udnie·100 %")  # type: ignore[attr-defined]


def test_two_visitors_do_not_see_each_other(browser: object, address: str) -> None:
    pages = [browser.new_page() for _ in range(2)]  # type: ignore[attr-defined]
    for page, style in zip(pages, ("udnie", "the scream"), strict=True):
        page.set_default_timeout(WAIT)
        page.goto(address)
        page.wait_for_selector("text=Painted in")
        page.get_by_role("button", name=style, exact=True).click()
    for page, style, other in zip(pages, ("udnie", "the-scream"), ("the-scream", "udnie"), strict=True):
        page.wait_for_selector(f"text={style}·100 %")
        assert page.locator(f"text={other}·100 %").count() == 0
        page.close()


def test_dark_and_phone_are_readable(browser: object, address: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")  # type: ignore[attr-defined]
    page.set_default_timeout(WAIT)
    page.goto(address)
    page.wait_for_selector("text=Painted in")
    color = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", color)[:3]) < 60
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    frame = page.frame_locator("iframe[title*=compare]")
    assert frame.locator("#box").bounding_box()["width"] <= 390
    page.close()

"""The web page without a browser: what it does apart from widgets, its queue, and its script."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, assert_refused, file_bytes, refused, scene, wait_until
from PIL import Image
from streamlit.testing.v1 import AppTest

import impasto
from impasto.app.config import Config
from impasto.app.jobs import Job, Jobs, curve
from impasto.app.serve import ask_nobody
from impasto.app.studio import (
    FORMATS,
    PROXY_SIDE,
    Look,
    Part,
    Studio,
    as_command,
    digest_of,
    encode,
    proxy,
    read_mask,
)
from impasto.cli.app import command_line
from impasto.controls import Controls
from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.progress import Progress
from impasto.settings import setting
from impasto.styles.gallery import Gallery
from impasto.system.names import safe_name

PAGE = ROOT / "src" / "impasto" / "app" / "page.py"
PHOTO = Picture(scene(120, 80).astype(np.float32) / 255)


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio(jobs=2, max_pixels=10_000_000)


def test_it_paints_what_the_library_paints(studio: Studio) -> None:
    mask = np.zeros((80, 120), np.float32)
    mask[:, 60:] = 1
    look = Look((("udnie", 0.5), ("great-wave", 0.5)), Controls(strength=70), (Part(mask, None, digest_of(mask)),))
    expected = impasto.stylize(PHOTO, {"udnie": 1, "great-wave": 1}, regions=[(mask, "none")], strength=70)
    np.testing.assert_array_equal(studio.paint(PHOTO, look).pixels, expected.pixels)


def test_large_photos_are_shown_small_and_painted_whole(studio: Studio) -> None:
    large = Picture(np.zeros((600, 1500, 3), np.float32))
    assert (proxy(large).width, proxy(large).height) == (PROXY_SIDE, 256)
    look = Look((("udnie", 1.0),))
    assert studio.paint(large, look).width == 1500


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"text", "not-a-picture"), (file_bytes(scene())[:300], "damaged-file"), (b"", "empty-file")],
)
def test_bad_uploads_get_a_line(studio: Studio, data: bytes, code: str) -> None:
    with refused(PictureError, code) as caught:
        studio.open(data, "../../etc/notes.png")
    assert caught.value.message.startswith("notes.png: ")


def test_too_many_pixels_are_refused_before_decoding() -> None:
    huge = file_bytes(Image.new("1", (20_000, 12_000)))
    with refused(PictureError, "too-large"):
        Studio(1, 10_000_000).open(huge, "huge.png")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo 1.jpg", "photo 1.jpg"),
        ("a<script>.png", "a_script_.png"),
        ("...", "picture"),
        ("x" * 300, "x" * 80),
        ("Ölbild.png", "Ölbild.png"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize("label", list(FORMATS))
def test_downloads_open(label: str) -> None:
    with Image.open(io.BytesIO(encode(PHOTO, label))) as image:
        assert image.size == (120, 80)
    assert Picture.open(encode(PHOTO, label)).width == 120


def test_the_command_does_the_same(tmp_path: Path, studio: Studio, run: object) -> None:
    mask = np.zeros((80, 120), np.float32)
    mask[20:60] = 1
    part = Part(mask, "great-wave", digest_of(mask))
    look = Look(
        (("udnie", 0.25), ("the-scream", 0.75)), Controls(strength=60, keep_color="luminance", size=100), (part,)
    )
    command = as_command("my photo.png", look)
    assert "'my photo.png' --style udnie:0.25 --style the-scream:0.75 --region mask-1.png=great-wave" in command
    (tmp_path / "my photo.png").write_bytes(encode(PHOTO, "PNG"))
    Image.fromarray((mask * 255).astype(np.uint8)).save(tmp_path / "mask-1.png")
    program = f"{sys.executable} -m {command}"
    subprocess.run(program, shell=True, check=True, cwd=tmp_path, capture_output=True)
    painted = Picture.open(tmp_path / "my photo-painted.png").pixels
    expected = studio.paint(Picture.open(encode(PHOTO, "PNG")), look).pixels
    assert np.abs(painted - expected).max() <= 0.5 / 255 + 1e-6


def test_drawn_masks_are_read() -> None:
    drawn = Image.new("RGB", (60, 40))
    drawn.paste((255, 255, 255), (0, 0, 30, 40))
    url = "data:image/png;base64," + base64.b64encode(file_bytes(drawn)).decode()
    mask = read_mask(url, 120, 80)
    assert mask is not None
    assert mask.shape == (80, 120)
    assert mask[:, :55].min() == 1
    assert mask[:, 65:].max() == 0
    empty = "data:image/png;base64," + base64.b64encode(file_bytes(Image.new("RGB", (60, 40)))).decode()
    assert read_mask(empty, 120, 80) is None
    for bad in ("", "data:image/png;base64,AAAA", "javascript:alert(1)"):
        with refused(PictureError, "damaged-file"):
            read_mask(bad, 120, 80)


# The queue.


def steps(count: int, gate: threading.Event | None = None) -> object:
    def work(progress: object) -> Picture:
        for step in range(1, count + 1):
            if gate is not None:
                gate.wait(20)
            if not progress(Progress(step, count, step / count, losses={"total": 1 / step}, preview=lambda: PHOTO)):  # type: ignore[operator]
                break
            time.sleep(0.002)
        return PHOTO

    return work


def test_jobs_wait_their_turn_and_say_their_place() -> None:
    jobs, gate = Jobs(1), threading.Event()
    first, second, third = (jobs.add(steps(5, gate)) for _ in range(3))  # type: ignore[arg-type]
    wait_until(lambda: first.state == "running")
    assert [jobs.place(job) for job in (first, second, third)] == [0, 1, 2]
    jobs.stop(second)
    assert (second.state, jobs.place(third)) == ("stopped", 1)
    gate.set()
    wait_until(lambda: third.ended)
    assert (first.state, third.state) == ("done", "done")
    assert first.picture is PHOTO
    assert len(first.losses) == 5
    assert first.fraction == 1


def test_a_stopped_job_keeps_the_best_so_far() -> None:
    jobs = Jobs(1)
    job = jobs.add(steps(100_000))  # type: ignore[arg-type]
    wait_until(lambda: job.step > 3)
    jobs.stop(job)
    wait_until(lambda: job.ended)
    assert job.state == "stopped"
    assert job.picture is PHOTO
    assert job.step < 100_000


def test_a_job_that_nobody_looks_at_is_stopped() -> None:
    jobs = Jobs(1, forgotten=0.1)
    job = jobs.add(steps(100_000))  # type: ignore[arg-type]
    wait_until(lambda: job.ended)
    assert job.step < 100_000


def test_a_failing_job_leaves_the_queue_alive() -> None:
    def fail(_: object) -> Picture:
        raise UsageError("too small", "larger")

    def crash(_: object) -> Picture:
        raise RuntimeError("what")

    jobs = Jobs(1)
    failed, crashed, good = jobs.add(fail), jobs.add(crash), jobs.add(steps(2))  # type: ignore[arg-type]
    wait_until(lambda: good.ended)
    assert (failed.state, failed.message) == ("failed", "too small  (larger)")
    assert crashed.state == "failed"
    assert "RuntimeError" in crashed.message
    assert good.state == "done"
    assert isinstance(good, Job)


def test_curves_have_few_points() -> None:
    found = curve([{"total": float(i), "style": 1.0} for i in range(1000)])
    assert set(found) == {"total", "style"}
    assert 100 < len(found["total"]) <= 210


# The page's script.


@pytest.fixture
def page() -> AppTest:
    found = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not found.exception
    return found


def command(page: AppTest) -> str:
    return page.code[0].value


def test_the_defaults_alone_give_a_painting(page: AppTest) -> None:
    assert command(page) == "impasto stylize colosseum.jpg --style starry-night -o colosseum-painted.png"
    assert any("Painted in" in caption.value for caption in page.caption)
    assert not page.error


def test_styles_are_chosen_blended_and_weighted(page: AppTest) -> None:
    page.button(key="style-great-wave").click().run()
    assert "--style great-wave -o" in command(page)
    page.toggle(key="blend").set_value(True).run()
    for name in ("udnie", "the-scream", "blue-horse", "drawbridge"):
        page.button(key=f"style-{name}").click().run()
    assert "great-wave" not in command(page)  # four at most; the oldest makes room
    page.slider(key="weight-udnie").set_value(100).run()
    assert "--style udnie:1 --style the-scream:0.5" in command(page)
    assert not page.exception


def test_every_control_is_there_with_its_label_and_help(page: AppTest) -> None:
    widgets = {widget.key: widget for kind in ("slider", "selectbox", "number_input") for widget in page.get(kind)}
    for control in fields(Controls):
        widget = widgets[f"control-{control.name}"]
        assert (widget.label, widget.help) == (control.metadata["label"], control.metadata["help"])
        assert widget.value == control.default
    page.slider(key="control-strength").set_value(40).run()
    page.selectbox(key="control-keep_color").set_value("coral").run()
    page.number_input(key="control-size").set_value(320).run()
    assert "--strength 40 --keep-color coral --size 320" in command(page)
    assert not page.exception


@dataclass(frozen=True)
class MoreControls(Controls):
    shine: float = setting(0.0, "How much the paint shines.", 0, 100, label="Shine of the paint")
    layers: int = setting(3, "Layers of paint.", 1, 2**60, label="Layers of paint")
    limit: int | None = setting(None, "The most colors.", 2, 64, label="Colors at most")


def test_a_new_control_needs_no_second_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.controls.Controls", MoreControls)
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    assert page.slider(key="control-shine").label == "Shine of the paint"
    assert page.number_input(key="control-layers").value == 3
    limit = page.number_input(key="control-limit")
    assert (limit.value, limit.min, limit.max) == (None, 2, 64)


def test_results_are_remembered_and_restored(page: AppTest) -> None:
    page.slider(key="control-strength").set_value(40).run()
    page.button(key="style-udnie").click().run()
    assert "udnie --strength 40" in command(page)
    page.button(key="restore-2").click().run()  # the newest comes first
    assert command(page) == "impasto stylize colosseum.jpg --style starry-night -o colosseum-painted.png"
    assert page.slider(key="control-strength").value == 100
    page.selectbox(key="side-one").set_value(0).run()
    assert not page.exception


def test_full_size_is_painted_for_the_download(page: AppTest) -> None:
    page.number_input(key="control-size").set_value(200).run()
    page.button(key="full").click().run()
    assert not page.exception
    assert not page.error
    assert not [button for button in page.button if button.key == "full"]


def test_own_styles_can_be_deleted_in_the_page(painting: Path) -> None:
    Gallery().add("mine", painting)
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    page.button(key="style-mine").click().run()
    assert "--style mine" in command(page)
    page.button(key="delete-mine").click().run()
    assert "mine" not in Gallery()
    assert "--style starry-night" in command(page)
    assert not page.exception


def test_a_painting_is_learned_in_the_background(painting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from impasto.training import learn

    monkeypatch.setattr(learn, "PLAN", learn.Plan(side=96, plain=64, held_back=2))
    for name, value in Config(learn_seconds=1).as_environment().items():
        monkeypatch.setenv(name, value)
    Gallery().add("mine", painting)
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    button = page.button(key="learn-mine")
    assert button.label == "Learn this painting (1 s)"
    button.click().run()
    assert page.button(key="learn-mine").disabled
    job = page.session_state["visit"].lesson
    wait_until(lambda: job.ended, 120)
    page.run()
    assert not page.exception
    assert (job.state, job.message) == ("done", "")
    assert Gallery().get("mine").learned
    assert any("mine is learned" in caption.value for caption in page.caption)
    assert page.button(key="learn-mine").label == "Learn on (1 s)"


def test_regions_come_and_go(page: AppTest) -> None:
    next(button for button in page.button if button.label == "Add a region").click().run()
    assert page.selectbox(key="region-style-1").value == "leave as it is"
    page.button(key="region-remove-1").click().run()
    assert not page.exception
    assert "region-style-1" not in {box.key for box in page.selectbox}


def test_settings_reach_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in Config(optimize_side=96).as_environment().items():
        monkeypatch.setenv(name, value)
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert page.number_input(key="optimize-side").max == 96


# The command.


def test_it_listens_here_alone_unless_told_otherwise() -> None:
    words = command_line("127.0.0.1", 8501, Config(max_upload=7), headless=True)
    assert "--server.address=127.0.0.1" in words
    assert "--server.maxUploadSize=7" in words
    assert "--browser.gatherUsageStats=false" in words
    assert "--server.showEmailPrompt=false" in words  # the first start would wait for an answer


def test_no_other_server_is_asked_for_this_machine_s_address(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit import net_util
    from streamlit.web.server import server_util

    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)  # to be put back
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda *_, **__: pytest.fail("it is asked"))
    ask_nobody()
    assert not server_util.is_url_from_allowed_origins("http://studio.example:8501")


def test_check_serves_one_page_and_stops() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "impasto", "app", "--check"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "the page answers" in done.stdout


def test_bad_settings_are_refused(run: object) -> None:
    assert_refused(run("app", "--max-upload", 0, "--check"), 2, "out-of-range", "--max-upload 0")  # type: ignore[operator]
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert_refused(run("app", "--port", other.getsockname()[1]), 2, "in-use")  # type: ignore[operator]

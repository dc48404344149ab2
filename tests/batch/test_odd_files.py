"""Folders as they come: what is no photo is one line, and everything else is painted."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import Outcome, file_bytes, refused, scene
from PIL import Image

import impasto
from impasto.batch.report import Report
from impasto.batch.threads import painted_as_they_arrive
from impasto.errors import PictureError
from impasto.picture import formats
from impasto.progress import Progress

Run = Callable[..., Outcome]


def paint(folder: Path, out: Path, **more: object) -> Report:
    return impasto.stylize_folder(folder, "udnie", out, engine="light", **more)


def put(folder: Path, *names: str | bytes) -> None:
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(file_bytes(scene(40, 32), formats.SUFFIXES.get(Path(os.fsdecode(path)).suffix.lower(), "PPM")))


def painted(report: Report, out: Path) -> list[str]:
    return sorted(os.path.relpath(result.target, out) for result in report.painted)


@pytest.fixture
def without_heif(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    formats.load_plugins()
    for table in (Image.OPEN, Image.SAVE):
        monkeypatch.delitem(table, "HEIF", raising=False)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    formats.load_plugins.cache_clear()
    yield
    formats.load_plugins.cache_clear()


def test_what_is_no_photo_is_one_line_each(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    put(photos, "good.png", "folder.png/inside.png")
    (photos / "empty.png").touch()
    (photos / "text.png").write_text("no picture")
    (photos / "cut.png").write_bytes(file_bytes(scene())[:200])
    (photos / "gone.png").symlink_to("nowhere.png")
    (photos / "loop.png").symlink_to("loop.png")
    (photos / "null.png").symlink_to(os.devnull)
    (photos / "around").symlink_to(".")
    os.mkfifo(photos / "pipe.png")
    report = paint(photos, out)
    assert painted(report, out) == ["folder.png/inside.png", "good.png"]
    assert {Path(result.photo).stem: result.code for result in report.failed} == {
        "empty": "empty-file",
        "text": "not-a-picture",
        "cut": "damaged-file",
        "gone": "no-such-file",
        "loop": "not-readable",
        "null": "not-a-file",
        "pipe": "not-a-file",
    }
    assert report.exit_code == 1


@pytest.mark.usefixtures("without_heif")
def test_a_format_whose_extra_is_missing_is_one_photo_s_fault(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    put(photos, "a.jpg", "c.jpg")
    (photos / "b.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    report = paint(photos, out)
    assert painted(report, out) == ["a.jpg", "c.jpg"]
    assert "impasto[heif]" in report.failed[0].hint
    with refused(impasto.UsageError, "missing-extra"):
        paint(photos, out, suffix="heic")


def test_what_breaks_a_decoder_or_the_painter_is_one_photo_s_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    put(photos, "a.png", "b.png", "c.png")
    opened = impasto.Picture.open

    def open_one(source: object, **more: object) -> impasto.Picture:
        if str(source).endswith("a.png"):
            raise MemoryError
        if str(source).endswith("b.png"):
            raise ZeroDivisionError("in a decoder")
        return opened(source, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("impasto.batch.painting.Picture.open", open_one)
    report = paint(photos, out)
    assert painted(report, out) == ["c.png"]
    assert sorted(result.code for result in report.failed) == ["memory", "unexpected"]


def test_what_systems_leave_behind_is_not_painted(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    put(photos, "img10.png", "img2.png", "b/1.png")
    put(photos, "@eaDir/img2.png/x.jpg", "#recycle/old.png", ".thumbnails/a.png", "__MACOSX/a.png", "._img2.png")
    report = paint(photos, out, jobs=1)
    assert [Path(result.target).name for result in report.painted] == ["img2.png", "img10.png", "1.png"]


NAMES = (
    b"bad\xff\xfename.png",
    b"new\nline.png",
    b"-dash.png",
    b"100%d.png",
    b'it\'s "q".png',
    b"trail .png",
    b"dots..png",
    b"take:1.png",
    b"C:photo.png",
    b"esc\x1b[31m.png",
    ("x" * 251).encode() + b".png",
    ("\u6f22" * 83).encode() + b".png",
    "e\u0301.png".encode(),
    "\u00e9.png".encode(),
    b"A.png",
    b"a.png",
)


def test_formats_that_are_not_read_are_named_once(tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    put(photos, "IMG_1.JPG")
    for name in ("IMG_1.CR3", "sub/IMG_2.cr3", "c.jxl", "IMG_1.XMP", "IMG_1.MOV", "IMG_1.AAE"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(b"x")
    with pytest.warns(UserWarning, match=r"does not read its \.cr3 and \.jxl files") as said:
        assert painted(paint(photos, out), out) == ["IMG_1.JPG"]
    assert len(said) == 1
    (photos / "IMG_1.JPG").unlink()
    with refused(PictureError, "no-pictures", ".cr3"):
        paint(photos, out)


def test_any_name_is_painted_said_and_remembered(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "photos", *NAMES)
    words = ("stylize", tmp_path / "photos", "--style", "udnie", "--engine", "light", "-o", tmp_path / "out", "--json")
    first, second = run(*words), run(*words)
    assert (first.code, first.err, second.code) == (0, "", 0)
    records = [json.loads(line) for line in first.out.splitlines()]
    assert {os.fsencode(Path(record["output"]).name) for record in records} == set(NAMES)
    assert all(json.loads(line)["skipped"] for line in second.out.splitlines())
    said = run(*words[:-1], "--overwrite")
    assert len(said.out.splitlines()) == len(NAMES)
    assert "\x1b" not in said.out


def test_a_failure_with_an_odd_name_is_one_line(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "photos", "a.png")
    odd = os.path.join(os.fsencode(tmp_path), b"photos", b"two\nlines\xff.png")
    Path(os.fsdecode(odd)).write_text("no picture")
    failed = run("stylize", tmp_path / "photos", "--style", "udnie", "-o", tmp_path / "out", "--quiet")
    assert failed.code == 1
    assert len(failed.err.splitlines()) == 1
    assert r"two\nlines\udcff.png" in failed.err


def test_long_names_stay_within_the_file_system_s_limit(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    put(photos, "y" * 251 + ".png", "y" * 251 + ".jpg")
    report = paint(photos, out, suffix="webp")
    assert len(painted(report, out)) == 2
    assert len(paint(photos, out, suffix="webp").skipped) == 2


def test_two_photos_of_one_name_are_both_painted_and_remembered(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    put(photos, "a.png")
    assert painted(paint(photos, out, suffix="webp"), out) == ["a.webp"]
    before = (out / "a.webp").read_bytes()
    put(photos, "a.jpg")
    report = paint(photos, out, suffix="webp")
    assert painted(report, out) == ["a.jpg.webp"]
    assert len(report.skipped) == 1
    assert (out / "a.webp").read_bytes() == before


def test_pictures_in_the_photos_own_folder_are_not_painted_again(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.ppm")
    assert painted(paint(tmp_path, tmp_path, suffix="webp"), tmp_path) == ["a.webp", "b.webp"]
    again = paint(tmp_path, tmp_path, suffix="webp")
    assert (len(again.painted), len(again.skipped), len(again.failed)) == (0, 2, 0)


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="no folder that even root cannot write to")
def test_a_folder_that_cannot_be_written_is_refused_before_painting(tmp_path: Path) -> None:
    put(tmp_path / "photos", "a.png", "b.png")
    seen: list[object] = []
    with refused(PictureError, "not-writable", "/proc/out"):
        paint(tmp_path / "photos", Path("/proc/out"), on_result=seen.append)
    assert not seen


def test_a_folder_that_cannot_be_listed_is_left_out_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "photos", "a.png", "secret/b.png")
    scan = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.warns(UserWarning, match="secret is left out"):
        assert painted(paint(tmp_path / "photos", tmp_path / "out"), tmp_path / "out") == ["a.png"]


@pytest.mark.filterwarnings("ignore:there is no folder")
def test_watching_outlives_a_folder_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(painted_as_they_arrive.__kwdefaults__, "pause", 0.01)
    hot, away, out = tmp_path / "hot", tmp_path / "away", tmp_path / "out"
    put(hot, "a.jpg")
    looks: list[str] = []

    def look(step: Progress) -> bool:
        if step.step == 1:
            looks.append(step.message)
        if len(looks) == 1:
            hot.rename(away)
        elif len(looks) == 4:
            away.rename(hot)
            put(hot, "a.png", "b.jpg")
            (hot / "bad.png").write_text("no picture")
        return step.step < 4 and len(looks) < 1000

    report = paint(hot, out, watch=True, suffix="png", on_progress=look)
    assert painted(report, out) == ["a-2.png", "a.png", "b.png"]
    assert [result.code for result in report.failed] == ["not-a-picture"]

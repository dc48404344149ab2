"""Folders: from Python and from the command line, cut off at any moment, watched, here and behind URLs."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import ROOT, Outcome, assert_refused, file_bytes, refused, scene
from PIL import Image

import impasto
from impasto.batch.report import Report, Result
from impasto.errors import PictureError
from impasto.progress import Progress

Run = Callable[..., Outcome]
KILLS = 12  # they take ten seconds


def paint(run: Run, folder: Path, *more: object) -> list[dict[str, object]]:
    done = run("stylize", folder, "--style", "udnie", "-o", folder.parent / "out", "--json", *more)
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def names(results: list[Result]) -> list[str]:
    return sorted(Path(result.photo).name for result in results)


# From Python


def test_a_folder_from_python(folder: Path, tmp_path: Path) -> None:
    out, seen, steps = tmp_path / "out", list[Result](), list[Progress]()
    report = impasto.stylize_folder(folder, "udnie", out, strength=60, on_result=seen.append, on_progress=steps.append)
    assert report.exit_code == 0
    assert not report.skipped + report.failed
    assert report.painted == seen
    assert names(seen) == ["0.png", "1.png", "2.png", "3.png"]
    assert {Path(result.target) for result in seen} == set(out.rglob("*.png"))
    one = seen[0]
    assert (one.size, one.style, one.engine, one.error, one.exit_code) == ((48, 40), "udnie", "painter", "", 0)
    assert one.seconds > 0
    assert [(step.step, step.total, step.fraction, step.message) for step in steps] == [
        (number, 4, number / 4, result.photo) for number, result in enumerate(seen, 1)
    ]
    alone = impasto.stylize(one.photo, "udnie", strength=60).to_numpy()
    np.testing.assert_array_equal(impasto.Picture.open(one.target).to_numpy(), alone)


def test_a_second_run_from_python_goes_on(folder: Path, tmp_path: Path) -> None:
    again = lambda **more: impasto.stylize_folder(str(folder), "udnie", str(tmp_path / "out"), **more)  # noqa: E731
    again()
    assert names(again().skipped) == ["0.png", "1.png", "2.png", "3.png"]
    (folder / "4.png").write_bytes(file_bytes(scene(48, 40, 9)))
    report = again()
    assert (names(report.painted), len(report.skipped)) == (["4.png"], 4)
    assert len(again(strength=50).painted) == 5
    assert len(again(overwrite=True).painted) == 5


def test_the_command_line_and_python_share_one_ledger(run: Run, folder: Path, tmp_path: Path) -> None:
    paint(run, folder, "--strength", 30, "--keep-color", "luminance")
    report = impasto.stylize_folder(folder, "udnie", tmp_path / "out", strength=30.0, keep_color="luminance")
    assert len(report.skipped) == 4


def test_failures_are_in_the_report(folder: Path, tmp_path: Path) -> None:
    (folder / "bad.png").write_bytes(b"no picture")
    report = impasto.stylize_folder(folder, "udnie", tmp_path / "out", jobs=1)
    (failed,) = report.failed
    assert (failed.photo, failed.target) == (str(folder / "bad.png"), str(tmp_path / "out" / "bad.png"))
    assert failed.code == "not-a-picture"
    assert "bad.png" in failed.error
    assert failed.size is None
    assert len(report.painted) == 4
    assert report.exit_code == 1
    (tmp_path / "one.png").write_bytes(b"somebody's")
    alone = impasto.stylize_folder([folder / "0.png"], "udnie", tmp_path / "one.png")
    assert alone.failed[0].code == "already-there"
    assert str(tmp_path / "one.png") in alone.failed[0].error
    assert "--overwrite" in alone.failed[0].hint


def test_an_exit_code_is_the_failure_s_own_where_it_is_alone() -> None:
    bad = Result("a", "b", error="no", exit_code=2)
    assert Report(failed=[bad]).exit_code == 2
    assert Report(failed=[bad, bad]).exit_code == 1
    assert Report(failed=[bad], painted=[Result("c", "d")]).exit_code == 1


def test_on_progress_stops_it(folder: Path, tmp_path: Path) -> None:
    report = impasto.stylize_folder(folder, "udnie", tmp_path / "out", jobs=1, on_progress=lambda step: step.step < 2)
    assert report.stopped
    assert len(report.painted) == 2
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2
    rest = impasto.stylize_folder(folder, "udnie", tmp_path / "out")
    assert (len(rest.painted), len(rest.skipped), rest.stopped) == (2, 2, False)


def test_watching_from_python_ends_when_on_progress_says_so(folder: Path, tmp_path: Path) -> None:
    def enough(step: Progress) -> bool:
        assert step.total == 0
        return step.step < 4

    report = impasto.stylize_folder(folder, "udnie", tmp_path / "out", watch=True, jobs=1, on_progress=enough)
    assert report.stopped
    assert len(report.painted) == 4


def test_styles_and_masks_of_any_kind(folder: Path, tmp_path: Path) -> None:
    """What can be read once only is read once; a painting with other contents is another style."""
    mask = np.zeros((40, 48), np.uint8)
    mask[:, :20] = 255

    def report(seed: int) -> Report:
        painting, file = scene(60, 50, seed), io.BytesIO(file_bytes(scene(60, 50, 5)))
        style = [(painting, 2), (file, 1), ("udnie", 1)]
        return impasto.stylize_folder(folder, style, tmp_path / "out", regions=[(mask, "none")])

    assert len(report(1).painted) == 4
    assert len(report(1).skipped) == 4
    assert len(report(2).painted) == 4
    before, after = (
        impasto.Picture.open(place).to_numpy()[:, :15] for place in (folder / "0.png", tmp_path / "out" / "0.png")
    )
    np.testing.assert_array_equal(before, after)


def test_regions_settings_that_have_changed(folder: Path, tmp_path: Path) -> None:
    mask = np.zeros((40, 48), np.float32)
    mask[:, :20] = 1

    def painted(**settings: float) -> int:
        regions = [impasto.Region(mask, **settings)]  # type: ignore[arg-type]
        return len(impasto.stylize_folder(folder, "udnie", tmp_path / "out", regions=regions).painted)

    assert [painted(), painted(), painted(strength=50), painted(strength=50), painted(brush_size=2)] == [4, 0, 4, 0, 4]


def test_a_painting_or_own_style_that_has_changed(folder: Path, painting: Path, tmp_path: Path) -> None:
    impasto.Gallery().add("mine", painting)
    for style, changed in ((str(painting), painting), ("mine", impasto.Gallery().folder / "mine")):
        out = tmp_path / f"by {Path(style).stem}"
        impasto.stylize_folder(folder, style, out)
        assert len(impasto.stylize_folder(folder, style, out).skipped) == 4
        os.utime(changed, (1, 1))  # as when it is learned further
        assert len(impasto.stylize_folder(folder, style, out).painted) == 4


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        ({"jobs": 0}, "out-of-range", "jobs 0"),
        ({"hosts": "cloud"}, "unknown-choice", "'cloud'"),
        ({"quality": 0}, "out-of-range", "quality 0"),
        ({"bits": 16, "suffix": "jpg"}, "not-encodable", "JPEG"),
        ({"suffix": ".xyz"}, "unknown-format", ".xyz"),
        ({"strong": 1}, "unknown-setting", "strong"),
        ({"engine": "oils"}, "unknown-choice", "'oils'"),
        ({"photos": []}, "nothing-given", "photos"),
        ({"photos": "memory://photos", "watch": True}, "conflict", "--watch"),
        ({"watch": True, "hosts": "ray"}, "conflict", "--watch"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_painted(
    folder: Path, tmp_path: Path, options: dict[str, Any], code: str, word: str
) -> None:
    arguments = {"photos": folder, "style": "udnie", "output": tmp_path / "out"} | options
    with refused(impasto.UsageError, code, word):
        impasto.stylize_folder(**arguments)
    assert not (tmp_path / "out").exists()


# From the command line


def test_what_is_done_is_not_done_again(run: Run, folder: Path) -> None:
    assert not any("skipped" in record for record in paint(run, folder))
    assert all(record.get("skipped") for record in paint(run, folder))
    (folder / "4.png").write_bytes(file_bytes(scene(48, 40, 9)))
    assert sum("skipped" not in record for record in paint(run, folder)) == 1
    assert not any("skipped" in record for record in paint(run, folder, "--overwrite"))
    told = run("stylize", folder, "--style", "udnie", "-o", folder.parent / "out").out
    assert told == "5 skipped: done before and unchanged; --overwrite repeats them\n"


def test_what_has_changed_is_painted_again(run: Run, folder: Path) -> None:
    paint(run, folder)
    out = folder.parent / "out" / "0.png"
    before = out.read_bytes()
    (folder / "0.png").write_bytes(file_bytes(scene(48, 40, 77)))
    os.utime(folder / "0.png", (1, 1))
    records = paint(run, folder)
    assert [Path(str(r["input"])).name for r in records if "skipped" not in r] == ["0.png"]
    assert out.read_bytes() != before
    assert not any("skipped" in record for record in paint(run, folder, "--strength", 50))
    out.unlink()
    assert sum("skipped" not in record for record in paint(run, folder, "--strength", 50)) == 1


def test_what_is_not_ours_is_not_replaced(run: Run, folder: Path) -> None:
    (folder.parent / "out").mkdir()
    (folder.parent / "out" / "0.png").write_bytes(b"somebody's")
    done = run("stylize", folder, "--style", "udnie", "-o", folder.parent / "out", "--quiet")
    assert done.code == 1
    assert done.error_code == "already-there"
    assert "0.png" in done.err
    assert (folder.parent / "out" / "0.png").read_bytes() == b"somebody's"


def test_killed_at_any_moment_it_goes_on(tmp_path: Path) -> None:
    """SIGKILL at random points: no partial picture, and none that was whole is painted again."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for index in range(150):
        (photos / f"{index:03}.png").write_bytes(file_bytes(scene(40, 32, index)))
    command = [sys.executable, "-m", "impasto", "stylize", str(photos), "--style", "udnie", "-o", str(out)]
    chance = random.Random(3)
    whole: dict[Path, int] = {}
    for _ in range(KILLS):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # it has written one, or all are
        time.sleep(chance.random() * 0.02)  # the moment
        process.kill()
        process.communicate()
        now = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
        for path in now.keys() - whole.keys():
            with Image.open(path) as image:
                image.load()
        # The last pictures before a kill may be painted twice: their lines were not written yet.
        assert sum(now[path] != stamp for path, stamp in whole.items()) <= 2
        whole = now
    subprocess.run(command, check=True, cwd=ROOT, timeout=120, stdout=subprocess.DEVNULL)
    assert len(list(out.glob("*.png"))) == 150


def test_two_runs_on_one_folder_at_once(folder: Path, tmp_path: Path) -> None:
    """Every picture is there, whole and its own, and neither run takes the other's for somebody else's."""
    for index in range(4, 24):
        (folder / f"{index}.png").write_bytes(file_bytes(scene(48, 40, index)))
    begin, reports = threading.Barrier(2, timeout=60), list[Report]()

    def go() -> None:
        begin.wait()
        reports.append(impasto.stylize_folder(folder, "udnie", tmp_path / "out"))

    runs = [threading.Thread(target=go) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert [result.error for report in reports for result in report.failed] == []
    assert [report.count for report in reports] == [24, 24]
    for path in folder.rglob("*.png"):
        ours = impasto.Picture.open(tmp_path / "out" / path.relative_to(folder)).to_numpy()
        np.testing.assert_array_equal(ours, impasto.stylize(path, "udnie").to_numpy())


def test_what_a_killed_program_left_goes_after_a_while(run: Run, folder: Path) -> None:
    out = folder.parent / "out"
    out.mkdir()
    old, young, other = (out / name for name in (".a.png.0123abcd.part", ".b.png.0123abcd.part", ".notes.part"))
    for path in (old, young, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (1, 1))
    paint(run, folder)
    assert not old.exists()
    assert young.exists()
    assert other.exists()


def test_watching_paints_what_arrives(run: Run, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    command = [sys.executable, "-m", "impasto", "stylize", str(photos), "--style", "udnie", "--watch", "-o", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    alarm = threading.Timer(60, process.kill)
    alarm.start()
    try:
        assert process.stderr.readline() == f"impasto: note: waiting for photos in {photos}; Ctrl-C ends it\n"
        (photos / "broken.png").write_bytes(b"no picture")
        (photos / "a.png").write_bytes(file_bytes(scene(48, 40, 1)))
        assert process.stdout.readline().startswith(str(out / "a.png"))
        (photos / "b.png").write_bytes(file_bytes(scene(48, 40, 2)))
        assert process.stdout.readline().startswith(str(out / "b.png"))
        process.send_signal(signal.SIGINT)
        said, printed = process.stderr.read(), process.stdout.read()
        assert process.wait(timeout=20) == 130
    finally:
        alarm.cancel()
        process.kill()
    assert printed == ""
    assert said.count("broken.png") == 1
    assert_refused(run("stylize", photos / "a.png", "--style", "udnie", "--watch", "-o", out), 2, "conflict", "--watch")


# Behind URLs


def paint_bucket(run: Run, *words: object) -> Outcome:
    return run("stylize", "memory://photos", "--style", "udnie", "-o", "memory://out", *words)


def test_a_folder_behind_a_url(run: Run, bucket: Any) -> None:
    done = paint_bucket(run)
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 3
    assert sorted(path for path in bucket.find("/out") if "/.impasto/" not in path) == [
        "/out/a.png",
        "/out/b.jpg",
        "/out/inner/c.png",
    ]
    ours = impasto.Picture.open(bucket.cat_file("/out/inner/c.png")).to_numpy()
    alone = impasto.stylize(bucket.cat_file("/photos/inner/c.png"), "udnie").to_numpy()
    np.testing.assert_array_equal(ours, alone)


def test_a_second_run_behind_a_url_paints_what_is_new(run: Run, bucket: Any) -> None:
    paint_bucket(run)
    bucket.pipe_file("/photos/d.png", file_bytes(scene(48, 40, 9)))
    bucket.rm("/out/a.png")
    records = [json.loads(line) for line in paint_bucket(run, "--json").out.splitlines()]
    painted = {record["output"] for record in records if not record.get("skipped")}
    assert painted == {"memory:///out/a.png", "memory:///out/d.png"}
    other = [json.loads(line) for line in paint_bucket(run, "--json", "--strength", "40").out.splitlines()]
    assert len(other) == 4
    assert not any(record.get("skipped") for record in other)


def test_what_somebody_else_put_behind_a_url_stays(run: Run, bucket: Any) -> None:
    bucket.pipe_file("/out/a.png", b"somebody's")
    done = paint_bucket(run)
    assert done.code == 1
    assert done.error_code == "already-there"
    assert "memory:///out/a.png" in done.err
    assert bucket.cat_file("/out/a.png") == b"somebody's"
    assert bucket.exists("/out/b.jpg")
    assert paint_bucket(run, "--overwrite").code == 0
    assert bucket.cat_file("/out/a.png")[:4] == b"\x89PNG"


def test_a_host_lost_between_picture_and_note(run: Run, bucket: Any) -> None:
    """The picture counts if it has the digest of the note before it."""
    paint_bucket(run)
    note = json.loads(bucket.cat_file("/out/.impasto/a.png.json"))
    assert note.pop("whole")
    bucket.pipe_file("/out/.impasto/a.png.json", json.dumps(note).encode())
    records = [json.loads(line) for line in paint_bucket(run, "--json").out.splitlines()]
    assert all(record.get("skipped") for record in records)
    bucket.pipe_file("/out/.impasto/a.png.json", json.dumps({**note, "digest": "0" * 16}).encode())
    assert paint_bucket(run).error_code == "already-there"


def test_bad_photos_and_places(run: Run, bucket: Any, tmp_path: Path) -> None:
    bucket.pipe_file("/photos/broken.png", b"no picture")
    done = paint_bucket(run)
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "memory:///photos/broken.png" in done.err
    assert len(done.out.splitlines()) == 3
    to_disk = run("stylize", "memory://photos/a.png", "--style", "udnie", "-o", tmp_path / "a.png")
    assert to_disk.code == 0, to_disk.err
    assert (tmp_path / "a.png").is_file()
    for place, code in (
        ("memory://nowhere", "no-pictures"),
        ("nosuch://photos", "unreachable"),
        ("https://example.com/a.jpg", "web-address"),
    ):
        assert_refused(run("stylize", place, "--style", "udnie", "-o", "memory://out"), 1, code, place)
    assert_refused(run("stylize", "memory://photos", "--style", "udnie"), 2, "nothing-given", "-o URL")
    assert_refused(
        run("stylize", "memory://photos", "--style", "udnie", "-o", "memory://photos"),
        2,
        "same-file",
        "memory:///photos",
    )


def test_what_is_given_as_bytes_has_the_same_limit(folder: Path, tmp_path: Path, painting: Path) -> None:
    for style in (painting, painting.read_bytes()):
        with refused(PictureError, "too-large"):
            impasto.stylize_folder(folder, style, tmp_path / "out", engine="light", max_pixels=2000)


def test_a_picture_that_the_user_has_put_there_stays(folder: Path, tmp_path: Path) -> None:
    impasto.stylize_folder(folder, "udnie", tmp_path / "out", engine="light")
    own = file_bytes(scene(30, 20, 9))
    (tmp_path / "out" / "0.png").write_bytes(own)
    report = impasto.stylize_folder(folder, "great-wave", tmp_path / "out", engine="light")
    assert [Path(result.photo).name for result in report.failed] == ["0.png"]
    assert report.failed[0].code == "already-there"
    assert len(report.painted) == 3
    assert (tmp_path / "out" / "0.png").read_bytes() == own

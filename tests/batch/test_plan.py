"""Which photo becomes which file: the same rules here and behind URLs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import refused

from impasto.batch.job import PaintJob
from impasto.batch.plan import check, plan
from impasto.errors import PictureError, UsageError


def names(jobs: list[PaintJob], photos: str, output: str) -> list[tuple[str, str]]:
    return [(job.photo.removeprefix(f"{photos}/"), job.target.removeprefix(f"{output}/")) for job in jobs]


def test_a_folder_keeps_its_structure(folder: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").write_text("no photo")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / ".git").mkdir()
    (folder / ".git" / "a.png").write_bytes(b"")
    output = folder / "painted"
    output.mkdir()
    (output / "0.png").write_bytes(b"")  # of an earlier run
    found = plan([str(folder)], str(output))
    expected = ["0.png", "2.png", "deep/1.png", "deep/3.png"]
    assert names(found.jobs, str(folder), str(output)) == [(name, name) for name in expected]
    assert found.folder == str(output)
    as_webp = plan([str(folder)], str(tmp_path / "out"), suffix=".webp")
    assert {Path(job.target).suffix for job in as_webp.jobs} == {".webp"}


def test_a_folder_behind_a_url_does_so_too(bucket: Any) -> None:
    bucket.pipe_file("/photos/.hidden.png", b"")
    bucket.pipe_file("/photos/painted/a.png", b"")
    found = plan(["memory://photos"], "memory://photos/painted/")
    expected = ["a.png", "b.jpg", "inner/c.png"]
    names_found = names(found.jobs, "memory:///photos", "memory:///photos/painted")
    assert names_found == [(name, name) for name in expected]
    assert found.folder == "memory:///photos/painted"


def test_one_photo_goes_to_a_file_or_into_a_folder(folder: Path, tmp_path: Path, bucket: Any) -> None:
    photo, there = str(folder / "0.png"), tmp_path / "there"
    there.mkdir()
    assert plan([photo], "out.jpg").jobs == [PaintJob(photo, "out.jpg")]
    assert plan([photo], str(there)).jobs == [PaintJob(photo, str(there / "0.png"))]
    assert plan([photo], "new/").jobs == [PaintJob(photo, str(Path("new/0.png")))]
    assert plan([photo], "out.jpg").folder is None  # it keeps no ledger
    to_file, to_folder = (plan(["memory://photos/b.jpg"], output) for output in ("memory://o/x.png", "memory://o"))
    assert to_file.jobs == [PaintJob("memory:///photos/b.jpg", "memory:///o/x.png")]
    assert to_folder.jobs == [PaintJob("memory:///photos/b.jpg", "memory:///o/b.jpg")]
    assert to_file.folder == to_folder.folder == "memory:///o"


def test_names_are_made_up_from_photo_and_style(folder: Path, tmp_path: Path) -> None:
    photo, painting = str(folder / "0.png"), tmp_path / "My Painting!.jpg"
    painting.write_bytes(b"")
    for label, name in (("starry-night", "0-starry-night.png"), (str(painting), "0-my-painting.png")):
        assert [job.target for job in plan([photo], None, label=label).jobs] == [name]
    assert [job.target for job in plan(["a.qoi"], None, label="...").jobs] == ["a-painted.png"]


def test_paths_get_urls_where_other_machines_need_them(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    found = plan([str(folder)], str(tmp_path / "out"), as_urls=True)
    assert found.jobs[0] == PaintJob(f"file://{folder}/0.png", f"file://{tmp_path}/out/0.png")


def test_what_cannot_be_planned_is_refused(folder: Path, tmp_path: Path, bucket: Any) -> None:
    photos, empty, file = str(folder), tmp_path / "empty", tmp_path / "file"
    empty.mkdir()
    file.write_bytes(b"")
    bucket.pipe_file("/more/a.png", b"")
    several = [f"{photos}/0.png", f"{photos}/2.png"]
    for words, output, error, code, word in (
        ([photos], None, UsageError, "nothing-given", "-o FOLDER"),
        (several, str(file), UsageError, "not-a-folder", str(file)),
        (several, "out.png", UsageError, "not-a-folder", "out.png"),
        (["memory://photos"], "memory://out.png", UsageError, "not-a-folder", "out.png"),
        ([str(empty)], "out", PictureError, "no-pictures", str(empty)),
        (["memory://nowhere"], "memory://out", PictureError, "no-pictures", "memory://nowhere"),
        (["memory://photos"], None, UsageError, "nothing-given", "-o URL"),
        (["https://example.com/a.jpg"], "out", PictureError, "web-address", "https://example.com/"),
        ([photos], "https://example.com/out", PictureError, "web-address", "https://example.com/"),
        ([photos], photos, UsageError, "same-file", photos),
        (["memory://photos"], "memory://photos", UsageError, "same-file", "memory:///photos"),
    ):
        with refused(error, code, word):
            plan(words, output)
    assert plan([str(empty)], "out", may_be_empty=True).jobs == []


def test_no_input_is_written_to_under_another_name(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.png"
    link.symlink_to(folder / "0.png")
    with refused(UsageError, "same-file", "link.png"):
        check([PaintJob("other.png", str(link))], inputs=[str(folder / "0.png")])
    check([PaintJob(str(folder / "0.png"), str(tmp_path / "new.png"))], inputs=["no-file", "udnie"])

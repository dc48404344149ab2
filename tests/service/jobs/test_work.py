"""The long kinds of work, each done as a worker does it."""

from __future__ import annotations

import io
import itertools
import json
import pickle
import stat
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import file_bytes, refused, scene
from PIL import Image

from impasto.batch.painting import Saving
from impasto.controls import Controls
from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.progress import Progress
from impasto.service.jobs.folder import FolderWork
from impasto.service.jobs.folders import PrivateFolder, private_folder, remove_abandoned
from impasto.service.jobs.previews import EVERY, Teller
from impasto.service.jobs.work import ClipWork, LearnWork, OptimizeWork
from impasto.service.work import Answer, PaintWork, Still, Upload, Work
from impasto.styles.gallery import Gallery
from impasto.video.options import VideoOptions

PHOTO = Upload("photo.jpg", file_bytes(scene(64, 48), "JPEG"))
PAINTING = file_bytes(scene(96, 80, 7))
PAINT = PaintWork(PHOTO, (("udnie", 1.0),), engine="light", suffix=".png")


def done(work: Work, tell: Any = None) -> Answer:
    """What comes back from a process that does it."""
    told: list[Progress] = []

    def note(now: Progress) -> bool:
        told.append(pickle.loads(pickle.dumps(now)))
        return True

    return pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(work)).run(tell or note)))


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Upload:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return Upload("holiday.zip", out.getvalue())


def unzipped(answer: Answer) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def folder(**values: Any) -> FolderWork:
    archive = values.pop("archive", None)
    return FolderWork(replace(PAINT, photo=archive or Upload("", b"")), **values)


# Folders.


def test_several_photos_are_painted_as_each_one_alone() -> None:
    other = Upload("b.png", file_bytes(scene(48, 64, 3)))
    files = unzipped(done(folder(photos=(PHOTO, other))))
    assert set(files) == {"photo.jpg", "b.png", "report.json"}
    alone = replace(PAINT, photo=other).run(lambda _: True)
    assert files["b.png"] == alone.data
    report = json.loads(files["report.json"])
    assert (report["painted"], report["failed"]) == (2, 0)
    assert [row["target"] for row in report["photos"]] == ["photo.jpg", "b.png"]


def test_a_folder_tells_its_end() -> None:
    told: list[Progress] = []
    folder(photos=(PHOTO, PHOTO)).run(lambda now: told.append(now) or True)
    assert (told[-1].step, told[-1].total, told[-1].fraction, told[-1].message) == (2, 2, 1.0, "")


def test_a_format_for_all_gives_each_its_own_name() -> None:
    files = unzipped(done(folder(photos=(PHOTO, PHOTO, replace(PHOTO, name="PHOTO.png")), suffix=".webp")))
    assert set(files) == {"photo.webp", "photo-2.webp", "PHOTO-3.webp", "report.json"}


def test_an_error_belongs_to_one_photo() -> None:
    archive = zipped({"a/good.jpg": PHOTO.data, "a/notes.txt": b"just text", "empty.png": b""})
    answer = done(folder(archive=archive))
    files = unzipped(answer)
    assert set(files) == {"a/good.jpg", "report.json"}
    assert (answer.facts["painted"], answer.facts["failed"]) == (1, 2)
    codes = {row["photo"]: row["code"] for row in json.loads(files["report.json"])["photos"]}
    assert codes == {"a/good.jpg": "", "a/notes.txt": "not-a-picture", "empty.png": "empty-file"}


def test_the_same_photos_give_the_same_bytes() -> None:
    def without_seconds(answer: Answer) -> dict[str, bytes]:
        return {name: data for name, data in unzipped(answer).items() if name != "report.json"}

    assert without_seconds(done(folder(photos=(PHOTO,)))) == without_seconds(done(folder(photos=(PHOTO,))))


def test_strange_names_lead_nowhere() -> None:
    names = ["../../etc/passwd.jpg", "/abs.jpg", "C:\\win\\x.jpg", "a\x01b\n.jpg", "report.json.jpg", "é/ü.jpg"]
    files = unzipped(done(folder(archive=zipped(dict.fromkeys(names, PHOTO.data)))))
    assert len(files) == len(names) + 1
    for name in files:
        parts = name.split("/")
        assert not name.startswith("/")
        assert "\\" not in name
        assert ":" not in name
        assert ".." not in parts
        assert name.isprintable()


def test_what_systems_put_beside_photos_is_no_photo() -> None:
    archive = zipped(
        {"a.jpg": PHOTO.data, "__MACOSX/._a.jpg": b"x", ".DS_Store": b"x", "Thumbs.db": b"x", "folder/": b""}
    )
    assert done(folder(archive=archive)).facts == {"painted": 1, "failed": 0}


def test_links_are_not_followed() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    files = unzipped(done(folder(archive=Upload("links.zip", out.getvalue()))))
    assert json.loads(files["report.json"])["photos"][0]["code"] == "not-a-file"


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped({f"{n}.jpg": bytes(2_000_000) for n in range(10)})
    assert len(bomb.data) < 100_000
    with refused(UsageError, "too-large"):
        done(folder(archive=bomb, unpacked=10_000_000))


def test_a_bomb_that_lies_about_its_size_is_unpacked_no_further() -> None:
    bomb = zipped({"a.jpg": bytes(5_000_000)})
    said, small = (5_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    lying = replace(bomb, data=bomb.data.replace(said, small))
    assert lying.data != bomb.data
    answer = done(folder(archive=lying, unpacked=10_000))
    assert answer.facts == {"painted": 0, "failed": 1}


def test_a_photo_that_is_too_large_is_one_photo() -> None:
    archive = zipped({"large.jpg": bytes(2_000_000), "a.jpg": PHOTO.data})
    assert done(folder(archive=archive, each=100_000)).facts == {"painted": 1, "failed": 1}


def test_a_picture_that_would_be_too_large_is_one_photo() -> None:
    paint = replace(PAINT, photo=Upload("", b""), controls=Controls(size=100), max_pixels=8000)
    photos = (PHOTO, Upload("square.png", file_bytes(scene(80, 80))))
    files = unzipped(done(FolderWork(paint, photos)))
    rows = json.loads(files["report.json"])["photos"]
    assert [row.get("code") for row in rows] == ["", "too-large"]
    assert set(files) == {"photo.jpg", "report.json"}


def test_too_many_photos_are_refused() -> None:
    with refused(UsageError, "too-large", "2"):
        done(folder(photos=(PHOTO,) * 3, most=2))
    with refused(UsageError, "too-large", "2"):
        done(folder(archive=zipped({f"{n}.jpg": b"x" for n in range(3)}), most=2))
    with refused(UsageError, "too-large", "2"):
        done(folder(archive=zipped({f"{n}.jpg": b"" for n in range(5000)}), most=2))


@pytest.mark.parametrize("data", [b"", b"no zip", zipped({"a.jpg": PHOTO.data}).data[:-30]])
def test_what_is_no_zip_file_is_refused(data: bytes) -> None:
    with refused(PictureError, "damaged-file", "holiday.zip"):
        done(folder(archive=Upload("holiday.zip", data)))


def test_an_empty_one_is_refused() -> None:
    with refused(PictureError, "no-pictures"):
        done(folder(archive=zipped({"folder/": b""})))


def test_damage_in_one_photo_is_its_own() -> None:
    archive = zipped({"a.jpg": PHOTO.data, "b.jpg": PHOTO.data}, zipfile.ZIP_STORED)
    at = archive.data.index(PHOTO.data) + 200
    broken = archive.data[:at] + bytes(50) + archive.data[at + 50 :]
    assert done(folder(archive=replace(archive, data=broken))).facts == {"painted": 1, "failed": 1}


# The optimizer.


def test_the_optimizer_tells_its_losses_and_shows_previews() -> None:
    pytest.importorskip("torch")
    from impasto.optimization.recipe import Recipe

    told: list[Progress] = []
    recipe = Recipe(iterations=2, start="photo", style_layers=("relu1_1",), content_layers=("relu1_1",))
    work = OptimizeWork(replace(PAINT, styles=((Upload("p.png", PAINTING), 1.0),), suffix=".webp"), recipe)
    answer = done(work, lambda now: told.append(pickle.loads(pickle.dumps(now))) or True)
    assert answer.media_type == "image/webp"
    assert Picture.open(answer.data).width == 64
    assert (answer.facts["width"], answer.facts["engine"], answer.facts["evaluations"]) == (64, "optimize", 2)
    assert told[0].losses["total"] > 0
    assert isinstance(told[0].preview, Still)
    assert Picture.open(told[0].preview.jpeg).width == 64


# Clips.


def clip(frames: int = 4, size: tuple[int, int] = (48, 32), fps: int = 10) -> Upload:
    pictures = [file_bytes(scene(*size, seed)) for seed in range(frames)]
    images = [Image.open(io.BytesIO(data)) for data in pictures]
    data = file_bytes(images[0], "GIF", save_all=True, append_images=images[1:], duration=1000 // fps, loop=0)
    return Upload("holiday.gif", data)


def clip_work(upload: Upload, **values: Any) -> ClipWork:
    return ClipWork(replace(PAINT, photo=upload), VideoOptions(engine="light"), **values)


def test_a_clip_is_painted_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told: list[Progress] = []
    answer = done(clip_work(clip()), lambda now: told.append(now) or True)
    assert answer.media_type == "video/mp4"
    assert answer.facts["frames"] == 4
    assert b"ftyp" in answer.data[:32]
    assert isinstance(told[0].preview, Still)
    assert list(tmp_path.iterdir()) == []


def test_an_animation_stays_one() -> None:
    pytest.importorskip("av")
    answer = done(clip_work(clip(), suffix=".gif"))
    assert answer.media_type == "image/gif"
    assert len(Picture.open(answer.data).frames) == 3


def test_a_clip_whose_frames_would_be_too_large_is_refused_before_it_is_painted() -> None:
    pytest.importorskip("av")
    work = clip_work(clip())
    with refused(PictureError, "too-large", "a frame of the result"):
        done(replace(work, paint=replace(work.paint, controls=Controls(size=4000), max_pixels=100_000)))


def test_a_clip_that_is_too_long_is_refused_before_it_is_painted() -> None:
    pytest.importorskip("av")
    told: list[Progress] = []
    with refused(UsageError, "too-large", "3"):
        done(clip_work(clip(4), max_frames=3), lambda now: told.append(now) or True)
    with refused(UsageError, "too-large"):
        done(clip_work(clip(20), max_seconds=1), lambda now: told.append(now) or True)
    assert not told


@pytest.mark.parametrize("data", [b"", b"text", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", PHOTO.data])
def test_what_is_no_clip_is_refused_without_a_path(data: bytes) -> None:
    pytest.importorskip("av")
    with pytest.raises(PictureError) as caught:
        done(clip_work(Upload("my.mp4", data)))
    assert tempfile.gettempdir() not in str(caught.value)
    assert "my.mp4" in str(caught.value)


def test_a_folder_of_a_program_that_died_is_removed_and_no_other() -> None:
    dead, alive = PrivateFolder(), PrivateFolder()
    (dead.path / "clip.mp4").write_bytes(b"x")
    dead._lock.close()  # as the system does when a program is killed
    with private_folder() as here:
        remove_abandoned()
        assert not dead.path.exists()
        assert alive.path.exists()
        assert here.exists()
    assert not here.exists()
    alive.remove()
    assert not alive.path.exists()


# Learning.


@pytest.fixture
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path))


@pytest.mark.usefixtures("_home")
def test_a_painting_becomes_a_style_and_once_only() -> None:
    work = LearnWork(Upload("p.png", PAINTING), "mine", engine="light", about={"title": "My own"})
    facts = json.loads(done(work).data)
    assert (facts["name"], facts["title"]) == ("mine", "My own")
    assert "mine" in Gallery()
    assert json.loads(done(work).data) == facts  # another try of the same work
    with refused(UsageError, "name-taken"):
        done(replace(work, painting=Upload("q.png", file_bytes(scene(96, 80, 8)))))


@pytest.mark.usefixtures("_home")
def test_learning_goes_on_where_a_worker_has_died(monkeypatch: pytest.MonkeyPatch) -> None:
    lessons = pytest.importorskip("impasto.training.lessons")
    asked: list[Any] = []

    def learn(painting: Any, *, name: str, gallery: Gallery, minutes: float, **values: Any) -> None:
        asked.append((painting is None, minutes, gallery.get(name).title, values["boldness"]))

    monkeypatch.setattr(lessons, "learn", learn)
    work = LearnWork(
        Upload("p.png", PAINTING), "mine", seconds=90, engine="light", about={"title": "My own"}, boldness=60
    )
    for _ in range(2):
        assert json.loads(done(work).data)["name"] == "mine"
    assert asked == [(True, 1.5, "My own", 60)] * 2
    done(replace(work, painting=None, seconds=30))  # it is learned on
    assert asked[2:] == [(True, 0.5, "My own", 60)]


# Reports.


def test_reports_and_previews_do_not_come_too_often() -> None:
    told: list[Progress] = []
    moments = iter(np.arange(0, 10, 0.05))
    teller = Teller(lambda now: told.append(now) or len(told) < 12, lambda: float(next(moments)))
    answers = [teller(Progress(step, 200, preview=lambda: Picture(scene(64, 48)))) for step in range(150)]
    assert len(told) == 12
    assert {b.step - a.step for a, b in itertools.pairwise(told)} <= {
        round(EVERY / 0.05),
        round(EVERY / 0.05) + 1,
    }
    assert 2 <= sum(now.preview is not None for now in told) <= 4
    assert answers[-1] is False
    assert Controls() == PAINT.controls
    assert Saving() == PAINT.saving

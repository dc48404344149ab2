"""`impasto stylize` as typed: what it writes, and what it says when it cannot."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import Outcome, assert_refused, file_bytes, scene
from PIL import Image

from impasto.picture import Picture
from impasto.version import __version__

Run = Callable[..., Outcome]

SILENT = {"CI", "GITHUB_ACTIONS", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY"}  # with these it is silent anyhow


def size_of(data: bytes | Path) -> tuple[int, int]:
    return Image.open(io.BytesIO(data) if isinstance(data, bytes) else data).size


def test_a_photo_in_a_built_in_style(run: Run, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    outcome = run("stylize", photo, "--style", "starry-night", "-o", out)
    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.out.startswith(f"{out}  96 x 64  starry-night  ")
    assert size_of(out) == (96, 64)


def test_strength_color_and_a_painting_s_file(run: Run, photo: Path, painting: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    outcome = run("stylize", photo, "--style", painting, "--strength", 70, "--keep-color", "luminance", "-o", out)
    assert outcome.code == 0
    made = Image.open(out).info["xmp"].decode()
    assert "painting.png" in made
    assert str(tmp_path) not in made  # where the user keeps paintings is nobody's business
    assert "&quot;strength&quot;: 70" in made
    assert __version__ in made


def test_nothing_is_written_or_sent_beside_the_picture(photo: Path, tmp_path: Path) -> None:
    """ONNX Runtime would keep a number for this machine and a file of what it tells its makers."""
    user, out = tmp_path / "user", tmp_path / "out.png"
    user.mkdir()
    environment = {key: value for key, value in os.environ.items() if key not in SILENT and not key.startswith("XDG_")}
    environment |= {"HOME": str(user), "USERPROFILE": str(user)}
    command = [sys.executable, "-m", "impasto", "stylize", str(photo), "--style", "udnie", "-o", str(out)]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
    assert out.exists()
    assert list(user.iterdir()) == []


def test_blends_and_regions(run: Run, photo: Path, tmp_path: Path) -> None:
    for name, area in (("sky", np.s_[:20]), ("face", np.s_[30:50, 20:40])):
        mask = np.zeros((64, 96), np.uint8)
        mask[area] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}=1.png")
    out = tmp_path / "regions.png"
    outcome = run(
        *("stylize", photo, "--style", "starry-night:0.6", "--style", "great-wave:0.4", "-o", out, "--json"),
        *("--region", f"{tmp_path}/sky=1.png=great-wave", "--region", f"{tmp_path}/face=1.png=none"),
    )
    record = json.loads(outcome.out)
    assert record["style"] == "starry-night:0.6 + great-wave:0.4"
    painted = np.asarray(Image.open(out))
    original = np.asarray(Image.open(photo))
    np.testing.assert_array_equal(painted[30:50, 20:40], original[30:50, 20:40])
    assert np.abs(painted[:20].astype(int) - original[:20]).mean() > 5


def test_standard_input_and_output(run: Run, photo: Path) -> None:
    outcome = run("stylize", "-", "--style", "udnie", "-o", "-", stdin=photo.read_bytes())
    assert outcome.code == 0
    assert Image.open(io.BytesIO(outcome.raw)).format == "PNG"
    assert size_of(outcome.raw) == (96, 64)
    as_webp = run("stylize", photo, "--style", "udnie", "-o", "-", "--format", "webp")
    assert Image.open(io.BytesIO(as_webp.raw)).format == "WEBP"
    assert_refused(run("stylize", photo, "--style", "udnie", "-o", "-", terminal=True), 2, "nothing-given", "-o FILE")
    assert_refused(run("stylize", "-", "--style", "udnie", "-o", "-", stdin=b""), 1, "empty-file", "standard input")
    assert_refused(run("stylize", photo, "--style", "udnie", "-o", "-", "--json"), 2, "conflict", "--json")
    for more in (["--watch"], ["--engine-hosts", "ray"], [photo]):
        assert_refused(run("stylize", "-", *more, "--style", "udnie", stdin=b""), 2, "conflict")


def test_standard_input_to_a_file(run: Run, photo: Path, painting: Path, tmp_path: Path) -> None:
    out, data = tmp_path / "out.jpg", photo.read_bytes()
    told = run("stylize", "-", "--style", "udnie", "-o", out, "--json", stdin=data)
    assert json.loads(told.out)["input"] == "standard input"
    assert size_of(out) == (96, 64)
    again = run("stylize", "-", "--style", "udnie", "-o", out, "--json", stdin=data)
    assert json.loads(again.out) == {
        "input": "standard input",
        "code": "already-there",
        "error": f"{out} already exists",
        "hint": "--overwrite replaces it",
    }
    assert again.code == 1
    over = run("stylize", "-", "--style", painting, "-o", painting, "--overwrite", stdin=data)
    assert_refused(over, 2, "same-file")


def test_a_folder_keeps_its_structure_and_survives_a_bad_file(run: Run, tmp_path: Path) -> None:
    photos, painted = tmp_path / "photos", tmp_path / "photos" / "painted"
    (photos / "deep" / "er").mkdir(parents=True)
    (photos / "a.jpg").write_bytes(file_bytes(scene(), "JPEG"))
    (photos / "deep" / "er" / "b.png").write_bytes(file_bytes(scene(60, 40)))
    (photos / "bad.png").write_text("no picture")
    (photos / "notes.txt").write_text("not meant")
    (photos / ".hidden.png").write_bytes(b"")
    outcome = run("stylize", photos, "--style", "the-scream", "-o", painted, "--json")
    assert outcome.code == 1
    assert outcome.error_code == "not-a-picture"
    assert "bad.png" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    records = [json.loads(line) for line in outcome.out.splitlines()]
    good = {record["input"]: record for record in records if "output" in record}
    (failed,) = [record for record in records if "error" in record]
    assert failed["input"].endswith("bad.png")
    assert failed["code"] == "not-a-picture"
    assert set(good) == {str(photos / "a.jpg"), str(photos / "deep" / "er" / "b.png")}
    record = good[str(photos / "a.jpg")]
    assert set(record) == {"input", "output", "size", "style", "engine", "seconds"}
    assert (record["size"], record["style"], record["engine"]) == ([96, 64], "the-scream", "painter")
    assert sorted(path.name for path in painted.rglob("[!.]*.*")) == ["a.jpg", "b.png"]
    assert size_of(painted / "deep" / "er" / "b.png") == (60, 40)
    again = run("stylize", photos, "--style", "the-scream", "-o", painted, "--quiet")
    assert again.code == 1
    assert again.out == ""
    assert again.err.strip() == outcome.err.strip()  # what was painted before is not painted again


def test_results_do_not_depend_on_jobs(run: Run, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(5):
        (photos / f"{seed}.png").write_bytes(file_bytes(scene(seed=seed)))
    for jobs in (1, 4):
        assert run("stylize", photos, "--style", "udnie", "-o", tmp_path / f"jobs{jobs}", "--jobs", jobs).code == 0
    for seed in range(5):
        one, four = (Picture.open(tmp_path / f"jobs{jobs}" / f"{seed}.png").to_numpy() for jobs in (1, 4))
        np.testing.assert_array_equal(one, four)


def test_several_photos_and_names_made_up(
    run: Run, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other.bmp"
    other.write_bytes(file_bytes(scene(), "BMP"))
    assert run("stylize", photo, other, "--style", "udnie", "-o", "both", "--format", "webp").code == 0
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == ["other.webp", "photo.webp"]
    assert run("stylize", photo, "--style", "udnie").code == 0
    assert (tmp_path / "photo-udnie.jpg").is_file()
    assert_refused(run("stylize", photo, other, "--style", "udnie", "-o", "out.png"), 2, "not-a-folder", "out.png")
    (tmp_path / "photo.png").write_bytes(file_bytes(scene()))
    assert run("stylize", photo, "photo.png", "--style", "udnie", "-o", "both", "--format", "png").code == 0
    assert {"photo.png", "photo.jpg.png"} < {path.name for path in (tmp_path / "both").iterdir()}


def test_sixteen_bits_and_marks(run: Run, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert run("stylize", photo, "--style", "udnie", "--bits", 16, "--no-mark", "-o", out).code == 0
    assert Picture.open(out).bits == 16
    assert b"impasto" not in out.read_bytes()
    assert_refused(
        run("stylize", photo, "--style", "udnie", "--bits", 16, "-o", tmp_path / "a.jpg"), 2, "not-encodable", "JPEG"
    )
    assert_refused(
        run("stylize", photo, "--style", "udnie", "--bits", 12, "-o", tmp_path / "a.png"),
        2,
        "unknown-choice",
        "--bits 12",
    )


@pytest.mark.filterwarnings("default")
def test_an_animation_stays_one_or_says_so(run: Run, tmp_path: Path) -> None:
    gif = tmp_path / "moving.gif"
    frames = [Image.fromarray(scene(seed=seed)) for seed in range(3)]
    gif.write_bytes(file_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=80))
    assert run("stylize", gif, "--style", "udnie", "-o", tmp_path / "out.webp").code == 0
    assert len(Picture.open(tmp_path / "out.webp").frames) == 2
    outcome = run("stylize", gif, "--style", "udnie", "-o", tmp_path / "out.jpg")
    assert outcome.code == 0
    assert "only the first frame is written" in outcome.err


@pytest.mark.parametrize(
    ("words", "exit_code", "code", "word"),
    [
        (["--style", "starry-nite"], 2, "unknown-style", "unknown style 'starry-nite'; did you mean 'starry-night'?"),
        (["--style", "missing.jpg"], 1, "no-such-file", "missing.jpg"),
        (["--style", "."], 1, "not-a-file", ""),
        (["--style", "udnie:0"], 2, "zero-weights", ""),
        (["--style", "udnie:-1"], 2, "out-of-range", "udnie is -1"),
        (["--style", "udnie:nan"], 2, "out-of-range", "udnie is nan"),
        (["--style", "udnie", "--strength", "101"], 2, "out-of-range", "strength 101"),
        (["--style", "udnie", "--strength", "much"], 2, "usage", "--strength"),
        (["--style", "udnie", "--keep-color", "all"], 2, "usage", "--keep-color"),
        (["--style", "udnie", "--size", "0"], 2, "out-of-range", "size 0"),
        (["--style", "udnie", "--brush-size", "5"], 2, "out-of-range", "--brush-size 5"),
        (["--style", "udnie", "--region", "mask.png"], 2, "malformed", "--region mask.png"),
        (["--style", "udnie", "--region", "mask.png=udnie"], 1, "no-such-file", "mask.png"),
        (["--style", "udnie", "--region", ".=udnie"], 1, "not-a-file", ". is"),
        (["--style", "udnie", "--format", "xyz"], 2, "unknown-format", "--format 'xyz'"),
        (["--style", "udnie", "--quality", "0"], 2, "out-of-range", "--quality 0"),
        (["--style", "udnie", "--jobs", "0"], 2, "usage", "--jobs"),
        (["--style", "udnie", "--max-pixels", "100"], 1, "too-large", "--max-pixels"),
        ([], 2, "usage", "--style"),
        (["--style", "udnie", "--no-such-option"], 2, "usage", "--no-such-option"),
    ],
)
def test_bad_words(
    run: Run,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    exit_code: int,
    code: str,
    word: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(run("stylize", photo, *words, "-o", "out.png"), exit_code, code, word)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("missing.jpg", None, "no-such-file"),
        ("empty.jpg", b"", "empty-file"),
        ("text.png", b"hello there", "not-a-picture"),
        ("cut.jpg", file_bytes(scene(), "JPEG")[:700], "damaged-file"),
        ("cut.png", file_bytes(scene())[:3000], "damaged-file"),
    ],
)
def test_bad_photos(run: Run, tmp_path: Path, name: str, content: bytes | None, code: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    out = tmp_path / "out.png"
    out.write_bytes(b"old")
    outcome = run("stylize", tmp_path / name, "--style", "udnie", "-o", out, "--overwrite")
    assert_refused(outcome, 1, code, name)
    assert out.read_bytes() == b"old"


def test_bad_targets(run: Run, photo: Path, painting: Path, tmp_path: Path) -> None:
    for target in (photo, painting):
        before = target.read_bytes()
        outcome = run("stylize", photo, "--style", painting, "-o", target, "--overwrite")
        assert_refused(outcome, 2, "same-file")
        assert target.read_bytes() == before
    link = tmp_path / "link.jpg"
    link.symlink_to(photo)
    assert_refused(run("stylize", photo, "--style", "udnie", "-o", link, "--overwrite"), 2, "same-file")
    (tmp_path / "file").write_bytes(b"")
    assert_refused(run("stylize", photo, "--style", "udnie", "-o", tmp_path / "file" / "a.png"), 1, "not-a-folder")
    assert_refused(run("stylize", photo, "--style", "udnie", "-o", tmp_path / "a.xyz"), 2, "unknown-format", ".xyz")
    out = tmp_path / "out.png"
    out.write_bytes(b"old")
    assert_refused(run("stylize", photo, "--style", "udnie", "-o", out), 1, "already-there", "--overwrite")
    assert out.read_bytes() == b"old"
    assert_refused(run("stylize", tmp_path, "--style", "udnie"), 2, "nothing-given", "-o FOLDER")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert_refused(run("stylize", empty, "--style", "udnie", "-o", tmp_path / "x"), 1, "no-pictures", "empty")


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="no folder that even root cannot write to")
def test_a_target_that_cannot_be_written(run: Run, photo: Path) -> None:
    assert_refused(run("stylize", photo, "--style", "udnie", "-o", "/proc/out.png"), 1, "not-writable", "/proc/out.png")


@pytest.mark.parametrize("size", [(1, 1), (3, 5000)])
def test_odd_photos(run: Run, tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "odd.png").write_bytes(file_bytes(scene(*size)))
    outcome = run("stylize", tmp_path / "odd.png", "--style", "udnie", "--tone", "match", "-o", tmp_path / "out.png")
    assert outcome.code == 0
    assert size_of(tmp_path / "out.png") == size


@pytest.mark.filterwarnings("default")
def test_a_mask_of_another_shape_is_used_and_mentioned(run: Run, photo: Path, tmp_path: Path) -> None:
    half = np.repeat(np.uint8([[255], [0]]), 45, axis=0).repeat(20, axis=1)
    (tmp_path / "mask.png").write_bytes(file_bytes(half))
    words = ("--style", "udnie", "--region", f"{tmp_path}/mask.png=great-wave", "-o", tmp_path / "out.png")
    outcome = run("stylize", photo, *words)
    assert outcome.code == 0
    assert outcome.err == "impasto: note: a mask of 20 x 90 is stretched over a photo of 96 x 64\n"


def test_ctrl_c_leaves_nothing_half_done(tmp_path: Path) -> None:
    photos, painted = tmp_path / "photos", tmp_path / "painted"
    photos.mkdir()
    for seed in range(40):
        (photos / f"{seed:02}.png").write_bytes(file_bytes(scene(800, 600, seed=seed)))
    command = [sys.executable, "-m", "impasto", "stylize", str(photos), "--style", "udnie", "-o", str(painted)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(str(painted))  # it has painted one
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err == "impasto: stopped  (finished pictures stay; the same command continues)\n"
    finished = [path for path in painted.iterdir() if path.name != ".impasto.jsonl"]
    assert 0 < len(finished) < 40
    for path in finished:
        assert path.suffix == ".png"
        assert not path.name.startswith(".")
        Image.open(path).load()


def test_a_failure_nobody_thought_of_is_one_line(run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("boom\nsecond line")

    monkeypatch.setattr("impasto.batch.run.Stylizer", explode)
    outcome = run("stylize", photo, "--style", "udnie", "-o", "out.png")
    assert_refused(outcome, 1, "unexpected", "RuntimeError: boom", "IMPASTO_DEBUG")


PLACED = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City="Basel" '
    b'photoshop:History="%s"/></rdf:RDF></x:xmpmeta>'
)


def placed(path: Path, history: bytes = b"") -> Path:
    """A photo that says where it was taken."""
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(file_bytes(scene(), "WEBP", exif=exif, xmp=PLACED % history))
    return path


@pytest.mark.parametrize("strip", [True, False])
@pytest.mark.parametrize("folder", [True, False])
def test_the_place_is_kept_unless_it_is_stripped(run: Run, tmp_path: Path, strip: bool, folder: bool) -> None:
    photo, out = placed(tmp_path / "in" / "a.webp"), tmp_path / "out" / "a.jpg"
    given = ("--format", "jpg", "-o", out.parent) if folder else ("-o", out)
    source = photo.parent if folder else photo
    options = ["--strip-location"] if strip else []
    assert run("stylize", source, "--style", "udnie", "--engine", "light", *given, *options).code == 0
    found = Image.open(next(out.parent.glob("a*.jpg")))
    assert found.getexif()[0x010F] == "Maker"
    assert (b"Basel" in found.info["xmp"]) != strip
    assert bool(found.getexif().get_ifd(0x8825)) != strip


@pytest.mark.parametrize("way", ["file", "folder", "pipe", "optimize"])
def test_nothing_of_the_photo_s_own_is_left_if_it_shall_not_be(run: Run, tmp_path: Path, way: str) -> None:
    photo, out = placed(tmp_path / "in" / "a.webp"), tmp_path / "out" / "a.jpg"
    out.parent.mkdir()
    options = ["--style", "udnie", "--strip-metadata"]
    if way == "optimize":
        outcome = run("optimize", photo, *options, "--iterations", 1, "--recipe", "fast", "--size", 32, "-o", out)
    elif way == "folder":
        outcome = run("stylize", photo.parent, *options, "--engine", "light", "--format", "jpg", "-o", out.parent)
        out = out.parent / "a.jpg"
    elif way == "pipe":
        outcome = run("stylize", "-", *options, "--engine", "light", "-o", out, stdin=photo.read_bytes())
    else:
        outcome = run("stylize", photo, *options, "--engine", "light", "-o", out)
    assert outcome.code == 0, outcome.err
    found = Image.open(next(out.parent.glob("a*.jpg")))
    assert not found.getexif()
    assert b"Basel" not in found.info["xmp"]
    assert b"impasto:settings" in found.info["xmp"]


def test_a_note_names_the_photo_whose_metadata_did_not_fit(run: Run, tmp_path: Path) -> None:
    photo, out = placed(tmp_path / "in" / "a.webp", b"h" * 70_000), tmp_path / "out.jpg"
    outcome = run("stylize", photo, "--style", "udnie", "--engine", "light", "-o", out)
    assert outcome.code == 0
    assert outcome.err.count("\n") == 1
    assert f"{photo}: a JPEG file stores at most 64 kB of XMP; left out: photoshop:History" in outcome.err
    assert b"Basel" in Image.open(out).info["xmp"]


def test_what_a_format_cannot_hold_is_refused_before_painting(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (17_000, 4), "teal").save(folder / "wide.png")
    (folder / "usual.png").write_bytes(file_bytes(scene()))
    monkeypatch.setattr("impasto.painting.compose.Composition.painted", lambda self, frame, moved=None: 1 / 0)
    wide = folder / "wide.png"
    assert_refused(run("stylize", wide, "--style", "udnie", "-o", tmp_path / "out.webp"), 1, "not-encodable", "16,383")
    monkeypatch.undo()
    outcome = run(
        "stylize", folder, "--style", "udnie", "--engine", "light", "--format", "webp", "-o", tmp_path / "out"
    )
    assert outcome.code == 1
    assert (tmp_path / "out" / "usual.webp").exists()
    assert run("stylize", wide, "--style", "udnie", "--size", 64, "-o", tmp_path / "small.webp").code == 0


@pytest.mark.filterwarnings("default")
def test_sixteen_bits_hold_one_frame(run: Run, tmp_path: Path) -> None:
    moving = tmp_path / "moving.png"
    frames = [Image.fromarray(scene(48, 32, seed)) for seed in range(2)]
    moving.write_bytes(file_bytes(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=80))
    outcome = run("stylize", moving, "--style", "udnie", "--engine", "light", "--bits", 16, "-o", tmp_path / "out.png")
    assert outcome.code == 0
    assert "only the first frame is written" in outcome.err


def test_hints_for_what_was_probably_meant(run: Run, photo: Path, tmp_path: Path) -> None:
    near = photo.with_name(f"{photo.stem}x{photo.suffix}")
    for output in ("a.png", "a", f"a{os.sep}"):
        done = run("stylize", near, "--style", "udnie", "-o", f"{tmp_path}{os.sep}{output}")
        assert_refused(done, 1, "no-such-file", f"did you mean {photo}?")
    done = run("stylize", photo, "--style", near, "-o", tmp_path / "a.png")
    assert_refused(done, 1, "no-such-file", f"did you mean {photo}?")
    done = run("stylize", photo, "--style", "udnie", "-o", tmp_path / "a")
    assert_refused(done, 2, "unknown-format", "paints into a folder")
    done = run("stylize", photo, "--style", "udnie", "--region", "sky=none", "-o", tmp_path / "a.png")
    assert_refused(done, 1, "no-such-file", "person, background or faces")
    done = run("stylize", photo, "--style", "udnie", "--strength", 0.8, "-o", tmp_path / "a.png")
    assert done.code == 0
    assert "0.8 percent" in done.err
    done = run("stylize", photo, "--style", "udnie", "--strength", 0.8, "-o", tmp_path / "b.png", "--quiet")
    assert (done.code, done.err) == (0, "")

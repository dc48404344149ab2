"""`impasto edit` as other programs call it: in place, whole or not at all."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import Outcome, assert_refused, file_bytes, scene, shades
from PIL import Image, ImageCms

from impasto.batch.edit import Edit
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.presets.preset import Preset

Run = Callable[..., Outcome]
LIGHT = ("--style", "udnie", "--engine", "light")


def painted(run: Run, file: Path, out: Path, *words: object) -> bytes:
    """What `stylize` makes of a file."""
    assert run("stylize", file, *LIGHT, "-o", out, *words).code == 0
    return out.read_bytes()


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_a_file_becomes_the_picture_that_stylize_writes(run: Run, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"photo.{suffix}"
    Image.fromarray(scene()).save(file)
    wanted = painted(run, file, tmp_path / f"wanted.{suffix}")
    told = run("edit", file, *LIGHT)
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith(f"{file}  96 x 64  udnie  ")
    assert file.read_bytes() == wanted
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name, f"wanted.{suffix}"]


@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_sixteen_bits_profile_and_resolution_stay(run: Run, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"deep.{suffix}"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if suffix == "tif":
        extratags = [(34675, 7, len(profile), profile, True)]
        tifffile.imwrite(file, shades(3, "uint16"), photometric="rgb", resolution=(300, 300), extratags=extratags)
    else:
        Picture.from_array(shades(4, "uint16")).save(file, bits=16)
    assert run("edit", file, *LIGHT).code == 0
    found = Picture.open(file)
    assert (found.bits, found.width, found.height) == (16, 61, 40)
    assert len(np.unique(found.to_numpy(bits=16)[..., 0] % 257)) > 50  # more than 8 bits are in it
    if suffix == "tif":
        assert found.profile
        assert found.dpi == (300, 300)
        assert tifffile.imread(file).dtype == np.uint16
    else:
        assert found.alpha is not None


def test_metadata_stay_and_say_how_it_was_made(run: Run, tmp_path: Path) -> None:
    file, exif = tmp_path / "a.jpg", Image.Exif()
    exif[0x010F] = "Maker"
    file.write_bytes(file_bytes(Image.fromarray(scene()), "JPEG", exif=exif))
    run("edit", file, *LIGHT, "--strength", 40)
    assert Image.open(file).getexif()[0x010F] == "Maker"
    assert Preset.like(file).controls["strength"] == 40


def test_a_preset_s_file_chooses(run: Run, photo: Path, tmp_path: Path) -> None:
    preset = tmp_path / "soft.impasto.json"
    preset.write_bytes(Preset((("udnie", 1.0),), {"strength": 30, "size": 20}, engine="light").as_json())
    assert run("edit", photo, "--preset", preset).code == 0
    assert Preset.like(photo).controls["strength"] == 30
    assert Image.open(photo).size == (96, 64)  # a host expects its file's size


def test_the_original_is_kept_if_that_is_asked_for(run: Run, photo: Path) -> None:
    before, kept = photo.read_bytes(), photo.with_name("photo.jpg.original")
    photo.chmod(0o600)
    run("edit", photo, *LIGHT, "--backup")
    assert kept.read_bytes() == before
    assert kept.stat().st_mode & 0o777 == 0o600
    painted = photo.read_bytes()
    run("edit", photo, *LIGHT, "--backup")
    assert kept.read_bytes() == before
    assert photo.with_name("photo.jpg.original-2").read_bytes() == painted


def lossy(tmp_path: Path, kind: str) -> Path:
    """A file that holds more than would be written."""
    file = tmp_path / f"{kind}.{'png' if kind == 'deep animation' else 'tif'}"
    if kind == "deep animation":
        deep = Image.fromarray(shades(1, "uint16")[:, :, 0])
        deep.save(file, save_all=True, append_images=[Image.fromarray(shades(1, "uint16")[::-1, :, 0])])
    elif kind == "layers":
        tifffile.imwrite(file, scene(), photometric="rgb", extratags=[(37724, 7, 4, b"8BIM", True)])
    elif kind == "channels":
        five = np.dstack([scene(), scene()[:, :, :2]])
        tifffile.imwrite(file, five, photometric="rgb", extrasamples=[0, 0], planarconfig="contig")
    elif kind == "floats":
        tifffile.imwrite(file, scene().astype(np.float32) / 255, photometric="rgb")
    return file


@pytest.mark.parametrize("kind", ["deep animation", "layers", "channels", "floats"])
def test_what_would_be_lost_is_refused(run: Run, tmp_path: Path, kind: str) -> None:
    file = lossy(tmp_path, kind)
    before = file.read_bytes()
    told = run("edit", file, *LIGHT)
    assert (told.code, told.error_code) == (1, "not-encodable"), told
    assert file.read_bytes() == before


def test_pictures_of_a_heic_file_are_not_lost(run: Run, tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    file = tmp_path / "two.heic"
    both = heif.HeifFile()
    for seed in (0, 1):
        both.add_from_pillow(Image.fromarray(scene(seed=seed)))
    both.save(file)
    before = file.read_bytes()
    assert run("edit", file, *LIGHT).error_code == "not-encodable"
    assert file.read_bytes() == before


def test_the_clip_of_a_motion_photo_is_not_lost(run: Run, photo: Path) -> None:
    moving = photo.read_bytes() + b"\0\0\0\x18ftypmp42" + b"V" * 500
    photo.write_bytes(moving)
    assert run("edit", photo, *LIGHT).error_code == "not-encodable"
    assert photo.read_bytes() == moving


def test_a_pipe_is_refused(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert_refused(run("edit", tmp_path / "pipe.png", *LIGHT), 1, "not-a-file", "pipe.png")


def test_options_without_a_style_are_not_dropped(run: Run, photo: Path, tmp_path: Path) -> None:
    before = photo.read_bytes()
    for words in (["--strength", 5], ["--engine", "light"], ["--region", "person=none"]):
        assert_refused(run("edit", photo, *words), 2, "nothing-given", "--style STYLE")
    assert photo.read_bytes() == before


def test_a_bad_file_does_not_stop_the_others_and_stays(run: Run, photo: Path, tmp_path: Path) -> None:
    text, cut, pages = tmp_path / "text.png", tmp_path / "cut.tif", tmp_path / "pages.tif"
    text.write_text("no picture")
    cut.write_bytes(file_bytes(scene(), "TIFF")[:400])
    tifffile.imwrite(pages, np.stack([scene()] * 2), photometric="rgb")
    portable = tmp_path / "a.ppm"
    Image.fromarray(scene()).save(portable)
    bad = [text, cut, pages, portable]
    before = [file.read_bytes() for file in bad]
    told = run("edit", *bad, tmp_path / "gone.jpg", tmp_path, photo, photo, *LIGHT, "--json")
    records = [json.loads(line) for line in told.out.splitlines()]
    assert told.code == 1
    assert [record.get("code") for record in records] == [
        "not-a-picture",
        "damaged-file",
        "not-encodable",
        "not-encodable",
        "no-such-file",
        "not-a-file",
        None,
    ]
    assert [file.read_bytes() for file in bad] == before
    assert "udnie" in records[-1]["style"]  # named twice, painted once


def test_one_by_one_pixel(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "dot.png"
    Image.new("RGB", (1, 1), (200, 10, 10)).save(file)
    assert run("edit", file, *LIGHT).code == 0
    assert Image.open(file).size == (1, 1)


def test_a_link_stays_a_link(run: Run, photo: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.jpg"
    link.symlink_to(photo)
    before = photo.read_bytes()
    run("edit", link, *LIGHT)
    assert link.is_symlink()
    assert photo.read_bytes() != before


def test_what_may_not_be_written_is_refused(run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = photo.read_bytes()
    monkeypatch.setattr("os.access", lambda *_: False)
    assert_refused(run("edit", photo, *LIGHT), 1, "not-writable", photo.name)
    assert photo.read_bytes() == before


def test_a_file_that_changes_meanwhile_is_left(photo: Path) -> None:
    newer = file_bytes(scene(50, 40), "JPEG")

    class Slow(Stylizer):
        def __call__(self, *words: object, **values: object) -> Picture:
            painted = super().__call__(*words, **values)  # type: ignore[arg-type]
            photo.write_bytes(newer)
            return painted

    (failed,) = Edit(Slow("udnie"))([str(photo)]).failed
    assert failed.code == "in-use"
    assert photo.read_bytes() == newer


def test_without_a_style_a_screen_is_needed(run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert_refused(run("edit", photo), 2, "nothing-given", "--preset NAME")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("impasto.cli.serving.find_spec", lambda _: None)
    assert_refused(run("edit", photo), 1, "missing-extra", "impasto[app]")


def test_a_tiff_of_darktable_s(run: Run, tmp_path: Path) -> None:
    program = shutil.which("darktable-cli")
    if program is None:
        pytest.skip("there is no darktable-cli")
    photo, file = tmp_path / "photo.png", tmp_path / "exported.tif"
    Image.fromarray(scene(300, 200)).save(photo)
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    core = ["--core", "--library", ":memory:", "--configdir", str(tmp_path), "--cachedir", str(tmp_path)]
    deep = ["--conf", "plugins/imageio/format/tiff/bpp=16"]
    done = subprocess.run(
        [program, str(photo), str(file), "--icc-type", "PROPHOTO_RGB", *core, *deep],
        env=os.environ | home,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert file.is_file(), done
    before = Picture.open(file)
    assert before.bits == 16
    assert run("edit", file, *LIGHT).code == 0
    found = Picture.open(file)
    assert (found.bits, found.width, found.height) == (16, before.width, before.height)
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(found.profile)))
    assert np.abs(found.pixels - before.pixels).mean() > 0.03

"""A painted clip: what is kept, what is steady, and what bad input gets."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from clips import moving, read, write
from helpers import file_bytes, refused, scene, wait_until
from PIL import Image

from impasto.controls import Controls
from impasto.engines.by_name import engine_of
from impasto.errors import PictureError
from impasto.measure.warping import warping_error
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.picture.metadata import SOURCE_TYPE
from impasto.progress import Progress
from impasto.version import __version__
from impasto.video.options import VideoOptions
from impasto.video.paint_video import paint_video
from impasto.video.reading import VideoFrame
from impasto.video.writing import Writer

SIZE = (96, 64)


def test_length_size_rate_and_sound_are_kept(clip: Path, tmp_path: Path) -> None:
    result = paint_video(clip, "udnie", tmp_path / "out.mp4")
    assert (result.frames, result.shots, result.stopped, result.notes) == (8, 1, False, ())
    assert set(result.seconds) == {"read", "motion", "paint", "write", "all"}
    with av.open(str(clip)) as before, av.open(str(tmp_path / "out.mp4")) as after:
        assert after.streams.video[0].average_rate == before.streams.video[0].average_rate
        packets = [
            [(bytes(packet), packet.pts) for packet in container.demux(container.streams.audio[0]) if packet.size]
            for container in (before, after)
        ]
    assert packets[0] == packets[1]
    assert len(packets[0]) > 20
    frames = read(tmp_path / "out.mp4")
    assert [frame.time for frame in frames] == [frame.time for frame in read(clip)]
    painted = Stylizer("udnie", painter=engine_of("light"))(Picture(read(clip)[0].pixels)).pixels
    assert np.abs(frames[0].pixels - painted).mean() < 0.02
    assert not list(tmp_path.glob(".*"))


def test_variable_timing_is_kept(tmp_path: Path) -> None:
    times = [0, 0.1, 0.15, 0.4, 0.9, 1.0]
    write(tmp_path / "vfr.mp4", moving(6), times=times)
    paint_video(tmp_path / "vfr.mp4", "udnie", tmp_path / "out.mkv", steady=0)
    assert [float(frame.time) for frame in read(tmp_path / "out.mkv")] == pytest.approx(times, abs=0.002)


def test_part_of_a_clip_and_another_rate(clip: Path, tmp_path: Path) -> None:
    result = paint_video(clip, "udnie", tmp_path / "part.mp4", start=0.2, end=0.6, steady=0)
    assert result.frames == 4
    assert [float(frame.time) for frame in read(tmp_path / "part.mp4")] == pytest.approx([0, 0.1, 0.2, 0.3], abs=0.002)
    with av.open(str(tmp_path / "part.mp4")) as container:
        sound = [float(p.pts * p.time_base) for p in container.demux(container.streams.audio[0]) if p.size]
    assert min(sound) > -0.03
    assert 0.3 < max(sound) < 0.41
    faster = paint_video(clip, "udnie", tmp_path / "fast.mp4", fps=20, steady=0)
    assert faster.frames == 16
    slower = paint_video(clip, "udnie", tmp_path / "slow.mp4", fps=5, steady=0)
    assert slower.frames == 4


@pytest.mark.parametrize("name", ["out.mkv", "out.webm", "out.mov", "out.gif", "out.webp"])
def test_other_formats_open(clip: Path, tmp_path: Path, name: str) -> None:
    options = {"codec": "prores"} if name.endswith("mov") else {}
    result = paint_video(clip, "udnie", tmp_path / name, steady=0, end=0.4, **options)
    assert result.frames == 4
    if name.endswith(("gif", "webp")):
        with Image.open(tmp_path / name) as image:
            assert (image.n_frames, image.size) == (4, SIZE)  # type: ignore[attr-defined]
    else:
        assert len(read(tmp_path / name)) == 4
    if name.endswith("webm"):
        assert any("sound" in note for note in result.notes)


def test_folders_of_frames_in_and_out(clip: Path, tmp_path: Path) -> None:
    paint_video(clip, "udnie", tmp_path / "frames", steady=0)
    files = sorted((tmp_path / "frames").iterdir())
    assert [file.name for file in files] == [f"{i:06d}.png" for i in range(1, 9)]
    result = paint_video(tmp_path / "frames", "great-wave", tmp_path / "again.mp4", fps=10)
    assert result.frames == 8
    with refused(PictureError, "already-there"):
        paint_video(clip, "udnie", tmp_path / "frames", steady=0)


def test_odd_sizes_become_even(tmp_path: Path) -> None:
    odd = [frame[:63, :95] for frame in moving(3)]
    write(tmp_path / "odd.mp4", odd, pixels="yuv444p")
    paint_video(tmp_path / "odd.mp4", "udnie", tmp_path / "even.mp4", steady=0)
    assert read(tmp_path / "even.mp4")[0].pixels.shape == (64, 96, 3)


def test_alpha_is_kept(tmp_path: Path) -> None:
    clear = [np.dstack([frame, np.full(frame.shape[:2], 0.5, np.float32)]) for frame in moving(2)]
    write(tmp_path / "clear.mov", clear, codec="prores_ks", pixels="yuva444p10le")
    paint_video(tmp_path / "clear.mov", "udnie", tmp_path / "clear2.mov", codec="prores")
    alpha = read(tmp_path / "clear2.mov")[0].alpha
    assert alpha is not None
    assert abs(float(alpha.mean()) - 0.5) < 0.02


def test_it_flickers_less_than_frames_painted_alone(tmp_path: Path) -> None:
    """The excess of the warping error over the source's own, against painting every frame by itself."""
    rng = np.random.default_rng(1)
    frames = [np.clip(f + rng.normal(0, 0.02, f.shape), 0, 1).astype(np.float32) for f in moving(8, step=2)]
    write(tmp_path / "c.mkv", frames, codec="ffv1", pixels="yuv444p")
    source = [frame.pixels for frame in read(tmp_path / "c.mkv")]
    paint_video(tmp_path / "c.mkv", "starry-night", tmp_path / "steady.mkv", codec="ffv1", steady=70)
    alone = [Stylizer("starry-night")(Picture(frame)).pixels for frame in source]
    steady = [frame.pixels for frame in read(tmp_path / "steady.mkv")]
    floor = warping_error(source, source)
    assert warping_error(steady, source) - floor < 0.5 * (warping_error(alone, source) - floor)


def test_stopping_leaves_nothing_or_a_playable_file(clip: Path, tmp_path: Path) -> None:
    before = threading.active_count()
    options = {"steady": 0, "on_progress": lambda progress: progress.step < 3}
    result = paint_video(clip, "udnie", tmp_path / "no.mp4", **options)  # type: ignore[arg-type]
    assert (result.stopped, result.path) == (True, None)
    assert not (tmp_path / "no.mp4").exists()
    result = paint_video(clip, "udnie", tmp_path / "part.mp4", keep_partial=True, **options)  # type: ignore[arg-type]
    assert result.path == tmp_path / "part.mp4"
    assert len(read(tmp_path / "part.mp4")) == 3
    assert not list(tmp_path.glob(".*"))
    wait_until(lambda: threading.active_count() <= before, 10)


def test_a_truncated_file_gives_what_decodes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    grain = [rng.random((64, 96, 3), np.float32) for _ in range(30)]
    whole = write(tmp_path / "whole.mkv", grain, codec="ffv1", pixels="yuv444p")
    (tmp_path / "half.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = paint_video(tmp_path / "half.mkv", "udnie", tmp_path / "out.mp4", steady=0)
    assert 1 <= result.frames < 30
    assert len(read(tmp_path / "out.mp4")) == result.frames


def test_a_failing_writer_ends_everything(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Writer, frame: VideoFrame) -> None:
        raise PictureError("cannot write out.mp4: No space left on device", code="disk-full")

    monkeypatch.setattr(Writer, "write", full)
    (tmp_path / "out.mp4").write_bytes(b"before")
    with refused(PictureError, "disk-full"):
        paint_video(clip, "udnie", tmp_path / "out.mp4", overwrite=True)
    assert (tmp_path / "out.mp4").read_bytes() == b"before"
    assert not list(tmp_path.glob(".*"))


def test_controls_and_regions_apply(clip: Path, tmp_path: Path) -> None:
    mask = np.zeros((64, 96), np.float32)
    mask[:, 60:] = 1
    result = paint_video(
        clip, "udnie", tmp_path / "out.mkv", codec="ffv1", size=48, strength=80, regions=[(mask, "none")], steady=0
    )
    assert result.frames == 8
    frame, source = read(tmp_path / "out.mkv")[2].pixels, read(clip)[2].pixels
    small = Picture(source).resized(48, 32).pixels
    assert np.abs(frame[:, 34:] - small[:, 34:]).mean() < 0.02 < np.abs(frame[:, :26] - small[:, :26]).mean()


def test_progress_counts_frames(clip: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    paint_video(clip, "udnie", tmp_path / "o.mkv", codec="ffv1", on_progress=seen.append)
    assert [(now.step, now.total) for now in seen] == [(step, 8) for step in range(1, 9)]
    assert [now.fraction for now in seen] == [step / 8 for step in range(1, 9)]
    assert all(re.fullmatch(r"\d+\.\d frames/s", now.message) for now in seen)


def comment_of(path: Path) -> dict[str, object]:
    """What a video's comment says; {} if it has none."""
    with av.open(str(path)) as container:
        metadata = {name.lower(): value for name, value in container.metadata.items()}
    return dict(json.loads(metadata.get("comment", "{}")))


@pytest.mark.parametrize("resume", [False, True])
def test_a_clip_says_how_it_was_made(clip: Path, tmp_path: Path, resume: bool) -> None:
    painting = tmp_path / "my painting.png"
    painting.write_bytes(file_bytes(scene(80, 100, seed=7)))
    options = VideoOptions(end=0.3, steady=40, resume=resume)
    paint_video(clip, {"udnie": 1, painting: 1}, tmp_path / "o.mp4", options=options, strength=80)
    made = comment_of(tmp_path / "o.mp4")
    assert made["digital_source_type"] == SOURCE_TYPE
    assert (made["program"], made["version"]) == ("Impasto", __version__)
    assert (made["engine"], made["steady"]) == ("light", 40)
    assert made["style"] == "udnie:0.5 + my painting.png:0.5"
    assert made["controls"] == Controls(strength=80).as_dict()
    assert str(tmp_path) not in json.dumps(made)
    paint_video(clip, "udnie", tmp_path / "no.mp4", options=options, mark=False)
    assert comment_of(tmp_path / "no.mp4") == {}


def test_keyframes_and_the_optimizer_are_said(clip: Path, tmp_path: Path) -> None:
    keyframes = "0:udnie,0.2:great-wave:0.5"
    paint_video(clip, [], tmp_path / "k.mp4", keyframes=keyframes, end=0.3, size=64)
    made = comment_of(tmp_path / "k.mp4")
    assert (made["style"], made["controls"]) == (keyframes, Controls(size=64).as_dict())
    paint_video(clip, "udnie", tmp_path / "o.mp4", engine="optimize", recipe="fast", end=0.1, size=32)
    made = comment_of(tmp_path / "o.mp4")
    assert (made["engine"], made["recipe"]) == ("optimize", "fast")


@pytest.mark.parametrize("name", ["o.gif", "o.webp", "o.apng", "frames"])
def test_animations_and_frames_say_how_they_were_made(clip: Path, tmp_path: Path, name: str) -> None:
    for folder, mark in ((tmp_path / "said", True), (tmp_path / "silent", False)):
        paint_video(clip, "udnie", folder / name, end=0.3, mark=mark)
        files = sorted((folder / name).iterdir()) if name == "frames" else [folder / name]
        assert len(files) == (3 if name == "frames" else 1)
        for file in files:
            # A GIF has its comment in blocks of 255 bytes, which Pillow joins.
            data = Image.open(file).info.get("comment", b"") if file.suffix == ".gif" else file.read_bytes()
            assert (SOURCE_TYPE.encode() in data, b"udnie" in data) == (mark, mark)


def test_a_frame_shows_what_it_shows_itself_not_what_the_first_one_does(tmp_path: Path) -> None:
    frames = [np.zeros((64, 96, 4), np.float32) for _ in range(4)]
    thing = np.dstack([scene(20, 20, 4) / np.float32(255), np.ones((20, 20), np.float32)])
    for index, frame in enumerate(frames):
        frame[20:40, 4 + 20 * index : 24 + 20 * index] = thing
    write(tmp_path / "thing.mkv", frames, codec="ffv1", pixels="bgra")
    paint_video(tmp_path / "thing.mkv", "udnie", tmp_path / "painted.mkv", codec="ffv1", strength=30, steady=0)
    last = read(tmp_path / "painted.mkv")[-1]
    assert last.alpha is not None
    np.testing.assert_allclose(last.alpha, frames[-1][:, :, 3], atol=0.02)
    place = last.pixels[22:38, 66:82]
    assert place.std((0, 1)).min() > 0.5 * thing[2:18, 2:18, :3].std((0, 1)).min()


def test_a_scene_after_black_is_painted_as_by_itself(tmp_path: Path) -> None:
    shown = moving(5)
    write(tmp_path / "dark.mp4", [np.zeros_like(shown[0])] * 2 + [share * shown[0] for share in (0.2, 0.5)] + shown)
    paint_video(tmp_path / "dark.mp4", "udnie", tmp_path / "painted.mp4", steady=0)
    source, painted = read(tmp_path / "dark.mp4")[-1], read(tmp_path / "painted.mp4")[-1]
    alone = Stylizer("udnie", painter=engine_of("light"))(Picture(source.samples)).pixels
    assert np.abs(painted.pixels - alone).mean() < 0.05


@pytest.mark.parametrize(
    ("suffix", "resume"),
    [
        *((suffix, False) for suffix in (".mp4", ".mkv", ".webm", ".avi", ".gif", ".webp")),
        (".mp4", True),
        (".mkv", True),
    ],
)
def test_the_last_frame_stands_as_long_as_in_the_source(tmp_path: Path, suffix: str, resume: bool) -> None:
    source = tmp_path / "in.gif"
    frames = [Image.fromarray(scene(48, 32, seed)) for seed in range(4)]
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=[100, 200, 100, 1000])
    painted = paint_video(source, "udnie", tmp_path / f"out{suffix}", steady=0, resume=resume)
    assert not any("truncated" in note for note in painted.notes)
    if suffix in (".gif", ".webp"):
        result = Image.open(painted.path)
        assert [_duration(result, index) for index in range(4)] == [100, 200, 100, 1000]
    else:
        with av.open(str(painted.path)) as container:
            assert container.duration / 1e6 == pytest.approx(1.4, abs=0.11 if suffix == ".avi" else 0.01)


def _duration(animation: Image.Image, index: int) -> float:
    animation.seek(index)
    animation.load()
    return animation.info["duration"]

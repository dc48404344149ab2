"""Video: what is kept, what is steady, and what bad input gets."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from clips import moving, read, write
from helpers import ROOT, Outcome, assert_refused, file_bytes, hears_ctrl_c, scene
from PIL import Image

from impasto.engines.by_name import engine_of
from impasto.engines.shot import Shot
from impasto.errors import PictureError, UsageError
from impasto.measure.warping import warping_error
from impasto.optimization.recipe import Recipe
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import floats, resize
from impasto.video.clip import Clip, Frame, Writer, _samples
from impasto.video.run import VideoProgress, paint_video
from impasto.video.steady import MotionFinder, blend

SIZE = (96, 64)
Run = Callable[..., Outcome]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write(tmp_path / "clip.mp4", moving(8), sound=True)


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
    with pytest.raises(PictureError, match="exists already"):
        paint_video(clip, "udnie", tmp_path / "frames", steady=0)


def test_rotation_alpha_depth_and_odd_sizes(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.mp4", moving(2))
    assert (Clip(plain).width, Clip(plain).height) == SIZE
    odd = [frame[:63, :95] for frame in moving(3)]
    write(tmp_path / "odd.mp4", odd, pixels="yuv444p")
    paint_video(tmp_path / "odd.mp4", "udnie", tmp_path / "even.mp4", steady=0)
    assert read(tmp_path / "even.mp4")[0].pixels.shape == (64, 96, 3)
    deep = write(tmp_path / "deep.mkv", moving(2), codec="ffv1", pixels="yuv420p10le")
    assert len(np.unique(np.rint(read(deep)[0].pixels * 65535))) > 256
    clear = [np.dstack([frame, np.full(frame.shape[:2], 0.5, np.float32)]) for frame in moving(2)]
    write(tmp_path / "clear.mov", clear, codec="prores_ks", pixels="yuva444p10le")
    paint_video(tmp_path / "clear.mov", "udnie", tmp_path / "clear2.mov", codec="prores")
    alpha = read(tmp_path / "clear2.mov")[0].alpha
    assert alpha is not None
    assert abs(float(alpha.mean()) - 0.5) < 0.02


@pytest.mark.parametrize("height", [64, 720])
def test_colours_survive_the_matrix(tmp_path: Path, height: int) -> None:
    """Written and read again: the matrix goes with the size, both ways."""
    colours = np.zeros((height, 96, 3), np.float32)
    colours[:, :48], colours[:, 48:] = (0.8, 0.2, 0.2), (0.2, 0.3, 0.8)
    writer = Writer(tmp_path / "c.mp4", 96, height, Fraction(10))
    for index in range(2):
        writer.write(Frame(colours, Fraction(index, 10)))
    writer.close()
    back = read(tmp_path / "c.mp4")[0].pixels
    assert np.abs(back[:, 8:40] - colours[:, 8:40]).max() < 0.03
    assert np.abs(back[:, 56:88] - colours[:, 56:88]).max() < 0.03


@pytest.mark.parametrize("kind", ["plain", "alpha", "deep"])
def test_frames_are_read_in_the_size_that_is_wanted(tmp_path: Path, kind: str) -> None:
    frames = moving(2)
    if kind == "alpha":
        fade = np.broadcast_to(np.linspace(0, 1, 96, dtype=np.float32)[None, :, None], (64, 96, 1))
        frames = [np.concatenate([frame, fade], axis=2) for frame in frames]
    pixels = {"alpha": "yuva444p", "deep": "yuv444p10le"}.get(kind, "yuv444p")
    path = write(tmp_path / "c.mkv", frames, codec="ffv1", pixels=pixels)
    whole = next(Clip(path).frames())
    small = next(Clip(path).frames((48, 40)))
    assert small.pixels.shape == (40, 48, 3)
    assert np.abs(small.pixels - resize(whole.pixels, 48, 40)).mean() < 1 / 255
    assert (small.alpha is None) == (kind != "alpha")
    if small.alpha is not None and whole.alpha is not None:
        assert np.abs(small.alpha - resize(whole.alpha, 48, 40)).mean() < 1 / 255


def test_a_turned_frame_is_upright_in_the_size_that_is_wanted() -> None:
    frame = av.VideoFrame.from_ndarray((moving(1)[0] * 255).round().astype(np.uint8), format="rgb24")
    names = ("format", "width", "height", "colorspace", "reformat")
    turned = SimpleNamespace(rotation=90, **{name: getattr(frame, name) for name in names})
    whole, small = (floats(_samples(turned, size)[0]) for size in (None, (32, 60)))
    assert whole.shape == (96, 64, 3)
    assert small.shape == (60, 32, 3)
    assert np.abs(small - resize(whole, 32, 60)).mean() < 1 / 255


def test_motion_is_found_and_cuts_are_told() -> None:
    frames = moving(4, step=3) + moving(3, step=3, seed=9)
    frames[4:] = [1 - frame for frame in frames[4:]]
    find = MotionFinder()
    motions = [find(frame) for frame in frames]
    assert [motion.cut for motion in motions] == [True, False, False, False, True, False, False]
    flow, trust = motions[2].flow, motions[2].trust
    assert flow is not None
    assert trust is not None
    inside = (slice(12, -12), slice(12, -16))
    assert abs(float(np.median(flow[..., 0][inside])) - 3) < 0.5
    assert float(trust[inside].mean()) > 0.6
    assert float(trust[:, -2:].mean()) < 0.2  # what comes in was not there before


def test_a_blend_follows_the_motion() -> None:
    frames = moving(3, step=4)
    find = MotionFinder()
    motions = [find(frame) for frame in frames]
    rng = np.random.default_rng(0)
    noisy = [np.clip(frame + rng.normal(0, 0.1, frame.shape), 0, 1).astype(np.float32) for frame in frames]
    steady = blend(noisy[1], frames[0], motions[1], 1.0)
    trusted = motions[1].trust > 0.9
    assert np.abs(steady - frames[1])[trusted].mean() < 0.4 * np.abs(noisy[1] - frames[1])[trusted].mean()
    np.testing.assert_array_equal(blend(noisy[1], frames[0], motions[1], 0), noisy[1])


def test_a_shot_is_normalised_as_a_whole() -> None:
    """A bright thing that comes in does not change the rest of the picture."""
    painter = engine_of("light")
    vector = Stylizer("udnie", painter=painter).style.parts[0][0].vector
    assert vector is not None
    frame = scene(128, 96).astype(np.float32) / 255
    other = frame.copy()
    other[:, 96:] = 1
    alone = [painter.paint(picture, vector) for picture in (frame, other)]
    shot = Shot()
    together = [painter.paint(picture, vector, shot=shot) for picture in (frame, other)]
    np.testing.assert_array_equal(together[0], alone[0])
    left = (slice(None), slice(0, 64))
    assert np.abs(together[1][left] - together[0][left]).mean() < 0.3 * np.abs(alone[1][left] - alone[0][left]).mean()


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
    options = {"steady": 0, "on_progress": lambda progress: progress.frame < 3}
    result = paint_video(clip, "udnie", tmp_path / "no.mp4", **options)  # type: ignore[arg-type]
    assert (result.stopped, result.path) == (True, None)
    assert not (tmp_path / "no.mp4").exists()
    result = paint_video(clip, "udnie", tmp_path / "part.mp4", keep_partial=True, **options)  # type: ignore[arg-type]
    assert result.path == tmp_path / "part.mp4"
    assert len(read(tmp_path / "part.mp4")) == 3
    assert not list(tmp_path.glob(".*"))
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_ctrl_c_ends_it_cleanly(clip: Path, tmp_path: Path) -> None:
    long = write(tmp_path / "long.mp4", moving(110))
    command = [
        sys.executable,
        "-m",
        "impasto",
        "video",
        str(long),
        "--style",
        "udnie",
        "--keep-partial",
        "--size",
        "320",
    ]
    command += ["-o", str(tmp_path / "out.mp4")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=hears_ctrl_c)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".*.part.mp4")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert all(line.startswith("impasto: note: ") for line in err.splitlines()), err
    assert not list(tmp_path.glob(".*.part.mp4"))
    assert 0 < len(read(tmp_path / "out.mp4")) < 110


def test_a_truncated_file_gives_what_decodes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    grain = [rng.random((64, 96, 3), np.float32) for _ in range(30)]
    whole = write(tmp_path / "whole.mkv", grain, codec="ffv1", pixels="yuv444p")
    (tmp_path / "half.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = paint_video(tmp_path / "half.mkv", "udnie", tmp_path / "out.mp4", steady=0)
    assert 1 <= result.frames < 30
    assert len(read(tmp_path / "out.mp4")) == result.frames


def test_frames_of_another_size_are_brought_to_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for index, size in enumerate([(96, 64), (48, 32), (120, 80)]):
        (folder / f"{index}.png").write_bytes(file_bytes(scene(*size)))
    assert paint_video(folder, "udnie", tmp_path / "out.mp4").frames == 3
    assert all(frame.pixels.shape == (64, 96, 3) for frame in read(tmp_path / "out.mp4"))


def test_a_failing_writer_ends_everything(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Writer, frame: Frame) -> None:
        raise PictureError("cannot write out.mp4: No space left on device")

    monkeypatch.setattr(Writer, "write", full)
    (tmp_path / "out.mp4").write_bytes(b"before")
    with pytest.raises(PictureError, match="No space left"):
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


def test_styles_change_over_time(clip: Path, tmp_path: Path) -> None:
    options = {"steady": 0, "codec": "ffv1", "keyframes": "0:udnie,0.4:great-wave,0.7:great-wave:0.5"}
    paint_video(clip, [], tmp_path / "out.mkv", **options)  # type: ignore[arg-type]
    painted = [frame.pixels for frame in read(tmp_path / "out.mkv")]
    source, light = [frame.pixels for frame in read(clip)], engine_of("light")
    one, two = (
        [Stylizer(name, painter=light)(Picture(frame)).pixels for frame in source] for name in ("udnie", "great-wave")
    )
    assert np.abs(painted[0] - one[0]).mean() < 0.02
    ways = [float(np.abs(painted[i] - one[i]).mean()) for i in range(5)]
    assert ways == sorted(ways)
    assert np.abs(painted[4] - two[4]).mean() < 0.02
    assert np.abs(painted[7] - source[7]).mean() < 0.8 * np.abs(two[7] - source[7]).mean()  # half the strength


def test_brush_size_changes_over_the_clip(clip: Path, tmp_path: Path) -> None:
    options = {"steady": 0, "codec": "ffv1", "size": 400}
    changing = paint_video(clip, [], tmp_path / "c.mkv", keyframes="0:udnie:1:1,0.7:udnie:1:4", **options)  # type: ignore[arg-type]
    small = paint_video(clip, "udnie", tmp_path / "s.mkv", **options)  # type: ignore[arg-type]
    large = paint_video(clip, "udnie", tmp_path / "l.mkv", brush_size=4, **options)  # type: ignore[arg-type]
    painted, one, two = ([frame.pixels for frame in read(r.path)] for r in (changing, small, large) if r.path)
    assert np.abs(painted[0] - one[0]).mean() < 0.02 < np.abs(painted[0] - two[0]).mean()
    assert np.abs(painted[7] - two[7]).mean() < 0.6 * np.abs(painted[7] - one[7]).mean()


def test_the_optimiser_holds_frames_together(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mp4", moving(5, 1))
    options = {"engine": "optimize", "recipe": Recipe(iterations=12, pyramid=1.0, start="noise"), "codec": "ffv1"}
    loose = paint_video(clip, "udnie", tmp_path / "l.mkv", steady=0, **options)  # type: ignore[arg-type]
    held = paint_video(clip, "udnie", tmp_path / "h.mkv", steady=100, long_term=3, **options)  # type: ignore[arg-type]
    source = [frame.pixels for frame in read(clip)]
    errors = [warping_error([f.pixels for f in read(result.path)], source) for result in (loose, held) if result.path]
    assert held.frames == 5
    assert errors[1] < 0.5 * errors[0]
    with pytest.raises(UsageError, match="one style"):
        paint_video(clip, [], tmp_path / "k.mkv", engine="optimize", keyframes="0:udnie")
    with pytest.raises(UsageError, match="no engine"):
        paint_video(clip, "udnie", tmp_path / "k.mkv", engine="magic")  # type: ignore[arg-type]


def test_masks_that_move(clip: Path, tmp_path: Path) -> None:
    masks = []
    for index in range(4):  # the left half, then the right half; it ends before the clip does
        mask = np.zeros((64, 96, 3), np.float32)
        mask[:, :48] = index < 2
        mask[:, 48:] = index >= 2
        masks.append(mask)
    moving_mask = write(tmp_path / "mask.mkv", masks, codec="ffv1", pixels="bgr0")
    result = paint_video(clip, "udnie", tmp_path / "o.mkv", codec="ffv1", steady=0, regions=[(moving_mask, "none")])
    assert result.path is not None
    source, painted = read(clip), read(result.path)
    for index, (before, after) in enumerate(zip(source, painted, strict=True)):
        change = np.abs(after.pixels - before.pixels).mean((0, 2))
        left, right = change[4:44].mean(), change[52:92].mean()
        kept, other = (left, right) if index < 2 else (right, left)
        assert kept < 0.02 < other, index


@pytest.mark.parametrize("name", ["o.mp4", "o.mkv", "folder"])
def test_a_long_run_goes_on_where_it_was_killed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.video.run.SEGMENT", 4)
    clip = write(tmp_path / "clip.mp4", moving(14), sound=True)
    whole = paint_video(clip, "udnie", tmp_path / f"whole-{name}")
    seen: list[int] = []

    def die(progress: VideoProgress) -> None:
        if progress.frame == 10 and not seen:
            time.sleep(0.5)  # what is painted gets written
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        paint_video(clip, "udnie", tmp_path / name, resume=True, on_progress=die)
    if name != "folder":
        assert not (tmp_path / name).exists()
    with pytest.raises(UsageError, match="other settings: style"):
        paint_video(clip, "great-wave", tmp_path / name, resume=True)
    result = paint_video(clip, "udnie", tmp_path / name, resume=True, on_progress=lambda p: seen.append(p.frame))
    assert seen == list(range(9, 15))
    assert result.frames == whole.frames == 14
    assert result.path is not None
    assert whole.path is not None
    one, other = read(whole.path), read(result.path)
    assert [frame.time for frame in one] == [frame.time for frame in other]
    for a, b in zip(one, other, strict=True):
        assert np.abs(a.pixels - b.pixels).mean() < 0.02  # pieces are encoded apart
    if name != "folder":
        with av.open(str(result.path)) as container, av.open(str(whole.path)) as expected:
            assert len(list(container.decode(audio=0))) == len(list(expected.decode(audio=0))) > 10
    assert not list(tmp_path.glob(".*.resume"))


def test_a_stopped_run_keeps_all_that_was_painted(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.mp4"
    stopped = paint_video(clip, "udnie", out, resume=True, on_progress=lambda p: p.frame < 3)
    assert stopped.path is None
    assert stopped.stopped
    seen: list[int] = []
    result = paint_video(clip, "udnie", out, resume=True, on_progress=lambda p: seen.append(p.frame))
    assert seen[0] == 4
    assert result.frames == len(read(out)) == 8
    with pytest.raises(UsageError, match="in one piece"):
        paint_video(clip, "udnie", tmp_path / "o.gif", resume=True)


@pytest.mark.parametrize(
    "text", ["", "udnie", "x:udnie", "5:udnie,2:udnie", "0:udnie:7", "-1:udnie", "0:", "0:udnie:1:9"]
)
def test_bad_keyframes_are_refused(clip: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="--keyframes"):
        paint_video(clip, [], tmp_path / "o.mp4", keyframes=text)


def test_bad_commands_get_one_line(run: Run, clip: Path, tmp_path: Path) -> None:
    def refused(code: int, *words: object, says: str) -> None:
        assert_refused(run("video", *words), code, says)

    (tmp_path / "text.mp4").write_text("no video")
    write(tmp_path / "sound.mp4", moving(2), sound=True)
    with av.open(str(tmp_path / "only.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        chunk = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        chunk.sample_rate = 44_100
        container.mux(stream.encode(chunk))
        container.mux(stream.encode(None))
    (tmp_path / "empty").mkdir()
    out = ("-o", tmp_path / "o.mp4")
    refused(1, tmp_path / "text.mp4", "--style", "udnie", *out, says="no video that can be read")
    refused(1, tmp_path / "gone.mp4", "--style", "udnie", *out, says="no file")
    refused(1, tmp_path / "only.m4a", "--style", "udnie", *out, says="no pictures that move")
    refused(1, tmp_path / "empty", "--style", "udnie", *out, says="no pictures in")
    refused(2, clip, "--style", "nobody", *out, says="is no style")
    refused(2, clip, "--style", "udnie", "-o", tmp_path / "o.xyz", says="no such video format")
    refused(2, clip, "--style", "udnie", *out, "--codec", "mpeg9", says="is no codec")
    refused(
        2,
        clip,
        "--style",
        "udnie",
        "-o",
        tmp_path / "o.webm",
        "--codec",
        "prores",
        says="cannot be written with prores",
    )
    refused(2, clip, "--style", "udnie", *out, "--steady", 200, says="steady 200")
    refused(2, clip, *out, says="--style or --keyframes")
    refused(2, clip, "--style", "udnie", "--keyframes", "0:udnie", *out, says="--style or --keyframes")
    refused(2, clip, "--style", "udnie", *out, "--start", 5, "--end", 2, says="nothing from 5 s")
    refused(2, clip, "--style", "udnie", *out, "--start", 50, says="no frame from 50 s")
    refused(2, clip, "--style", "udnie", "-o", clip, "--overwrite", says="the video itself")
    assert not (tmp_path / "o.mp4").exists()
    done = run("video", clip, "--style", "udnie", *out, "--end", 0.3, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["frames"] == 3
    refused(1, clip, "--style", "udnie", *out, says="exists already")


def test_usage_errors_are_raised_in_python(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="brush is no control"):
        paint_video(clip, "udnie", tmp_path / "o.mp4", brush=3)
    with pytest.raises(UsageError, match="0 frames a second"):
        paint_video(clip, "udnie", tmp_path / "o.mp4", fps=0)


def test_the_optimiser_works_on_small_frames_and_enlarges_them(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(3):
        Picture(np.roll(scene(300, 200), 2 * index, axis=1)).save(frames / f"{index}.png")
    recipe = Recipe(iterations=4, largest=128)
    made = paint_video(frames, "udnie", tmp_path / "out", engine="optimize", recipe=recipe, steady=70)
    assert made.frames == 3
    pictures = [Picture.open(path) for path in sorted((tmp_path / "out").glob("*.png"))]
    assert [(picture.width, picture.height) for picture in pictures] == [(300, 200)] * 3


def test_a_brush_that_changes_across_the_frame_s_size_keeps_the_strength(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(8):
        Picture(scene(800, 540)).save(frames / f"{index}.png")
    keyframes = "0:udnie:0.5:0.7,0.3:udnie:0.5:1"
    paint_video(frames, [], tmp_path / "out", keyframes=keyframes, fps=10)
    pictures = [Picture.open(path).pixels for path in sorted((tmp_path / "out").glob("*.png"))]
    away = [float(np.abs(picture - scene(800, 540) / 255).mean()) for picture in pictures]
    assert max(away) < 1.25 * min(away)

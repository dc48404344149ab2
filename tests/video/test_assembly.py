"""What a file can hold is found out first, and what is painted is kept whatever happens."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import moving, read, write, writer
from films import Sound, film, looked_at, of_kind
from helpers import refused

from impasto.errors import PictureError, UsageError
from impasto.video import assembly, joining
from impasto.video.paint_video import paint_video
from impasto.video.reading import VideoFrame
from impasto.video.writing import AnimationWriter, Writer


def painted(source: Path, result: Path, **options: object) -> Any:
    return paint_video(source, "udnie", result, steady=0, strength=50, **options)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Within this, no file can grow beyond, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("o.mp4", {"codec": "prores"}, "not-encodable"),
        ("o.webm", {"codec": "h264"}, "not-encodable"),
        ("o.avi", {"codec": "hevc"}, "not-encodable"),
        ("o.mov", {"codec": "vp9"}, "not-encodable"),
        ("o.mp4", {"codec": "theora"}, "unknown-choice"),
        ("o.mpg", {}, "unknown-format"),
        ("o.jpg", {}, "unknown-format"),
        ("o.gif", {"fps": 60}, "out-of-range"),
    ],
)
def test_what_no_file_can_hold_is_refused_before_painting(
    clip: Path, tmp_path: Path, name: str, options: dict[str, object], code: str
) -> None:
    seen: list[object] = []
    with refused(UsageError, code):
        painted(clip, tmp_path / name, on_progress=seen.append, **options)
    assert not seen
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_folder_with_frames_is_refused_before_painting(clip: Path, tmp_path: Path) -> None:
    seen: list[object] = []
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "000001.png").write_bytes(b"somebody's")
    with refused(PictureError, "already-there"):
        painted(clip, tmp_path / "frames", on_progress=seen.append)
    assert not seen


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".webm", ".avi"])
def test_a_full_disk_keeps_what_is_painted(tmp_path: Path, ending: str) -> None:
    rng = np.random.default_rng(0)
    file = writer(tmp_path / f"o{ending}", 160, 128)
    with files_of_at_most(150_000), refused(PictureError, "not-writable"):
        for index in range(200):
            file.write(VideoFrame(rng.integers(0, 255, (128, 160, 3), np.uint8), Fraction(index, 10)))
    kept = file.keep()
    assert kept is not None
    assert kept.stem == "o-unfinished"
    assert len(read(kept)) > 2
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]


def failing_join(*fails: bool) -> Any:
    """Fail as a full disk does, at the calls that are said, and at all others do what is wanted."""
    calls = iter(fails)

    def join(*values: Any, **named: Any) -> None:
        if not named.get("probe") and next(calls, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        joining.join(*values, **named)

    return join


def test_a_file_that_cannot_be_joined_is_kept_as_it_was_encoded(tmp_path: Path, monkeypatch: Any) -> None:
    source = film(tmp_path / "in.mp4", sounds=[Sound()])
    monkeypatch.setattr(assembly, "join", failing_join(*[True] * 9))
    with refused(PictureError, "disk-full", "o-unfinished.mp4"):
        painted(source, tmp_path / "o.mp4")
    assert len(read(tmp_path / "o-unfinished.mp4")) == 24
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "o-unfinished.mp4"}


def test_a_file_that_cannot_be_written_with_its_sound_is_written_without(tmp_path: Path, monkeypatch: Any) -> None:
    source = film(tmp_path / "in.mp4", sounds=[Sound()])
    monkeypatch.setattr(assembly, "join", failing_join(True))
    with refused(PictureError, "disk-full", "only the painted pictures"):
        painted(source, tmp_path / "o.mp4")
    seen = looked_at(tmp_path / "o.mp4")
    assert len(seen["frames"]) == 24
    assert not of_kind(seen, "audio")
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "o.mp4"}


def test_a_run_in_pieces_that_cannot_be_joined_goes_on_with_nothing_to_paint(tmp_path: Path, monkeypatch: Any) -> None:
    source = film(tmp_path / "in.mp4", sounds=[Sound()])
    with monkeypatch.context() as patched:
        patched.setattr(assembly, "join", failing_join(*[True] * 9))
        with refused(PictureError, "disk-full", "continue from it"):
            painted(source, tmp_path / "o.mp4", resume=True)
    seen: list[object] = []
    result = painted(source, tmp_path / "o.mp4", resume=True, on_progress=seen.append)
    assert not seen
    assert result.frames == len(read(tmp_path / "o.mp4")) == 24
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "o.mp4"}


def test_a_file_that_appears_meanwhile_is_left_alone(clip: Path, tmp_path: Path) -> None:
    def appear(_: object) -> None:
        (tmp_path / "o.mp4").write_bytes(b"somebody's")

    with refused(PictureError, "already-there", "o-unfinished.mp4"):
        painted(clip, tmp_path / "o.mp4", on_progress=appear)
    assert (tmp_path / "o.mp4").read_bytes() == b"somebody's"
    assert len(read(tmp_path / "o-unfinished.mp4")) == 8


def test_an_encoder_that_fails_keeps_what_it_has_encoded(clip: Path, tmp_path: Path, monkeypatch: Any) -> None:
    write_frame = Writer.write

    def fail(self: Writer, frame: VideoFrame) -> None:
        if frame.time > Fraction(1, 2):
            raise PictureError("the encoder has failed")
        write_frame(self, frame)

    monkeypatch.setattr(Writer, "write", fail)
    with refused(PictureError, "picture", "o-unfinished.mp4"):
        painted(clip, tmp_path / "o.mp4")
    seen = looked_at(tmp_path / "o-unfinished.mp4")
    assert len(seen["frames"]) == 6
    assert of_kind(seen, "audio")[0]["packets"][-1][0] < 0.62  # sound ends with the pictures


def test_an_animation_that_cannot_be_made_is_kept(clip: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PictureError("the encoder has failed")

    monkeypatch.setattr(AnimationWriter, "_save", fail)
    with refused(PictureError, "picture", "o-unfinished"):
        painted(clip, tmp_path / "o.gif")
    assert len(list((tmp_path / "o-unfinished").iterdir())) == 8


def test_a_stream_that_fails_in_the_whole_is_left_out(tmp_path: Path, monkeypatch: Any) -> None:
    """What the parts do not show, the trial of the whole file does."""
    source = film(tmp_path / "in.mp4", sounds=[Sound()], chapters=[(0, 1, "A")])

    def picky(target: Path, pieces: Any, encoding: Any, company: Any, **named: Any) -> None:
        if company.sides:
            raise ValueError("no sound here")
        joining.join(target, pieces, encoding, company, **named)

    monkeypatch.setattr(assembly, "join", picky)
    (note,) = painted(source, tmp_path / "o.mp4").notes
    assert "the sound (track 1, aac, und) cannot be written and is left out: no sound here" in note
    assert looked_at(tmp_path / "o.mp4")["chapters"] == [(0, 1, "A")]


def test_names_with_a_colon_are_names(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "take:1.mp4").write_bytes(clip.read_bytes())
    for resume in (False, True):
        painted(tmp_path / "take:1.mp4", tmp_path / "out:1.mp4", resume=resume, overwrite=True)
        assert of_kind(looked_at(tmp_path / "out:1.mp4"), "audio")


def test_frames_of_other_shapes_than_square_pixels_keep_theirs(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", 3, aspect=Fraction(16, 11))
    for name in ("o.mp4", "o.mov", "o.mkv", "o.avi", "o.webm", "o.gif"):
        painted(source, tmp_path / name)
        with av.open(str(tmp_path / name)) as file:
            stream = file.streams.video[0]
            shown = stream.width * (stream.sample_aspect_ratio or 1) / stream.height
        assert float(shown) == pytest.approx(64 / 48 * 16 / 11, rel=0.02)


def test_colors_are_said_to_be_what_they_are(clip: Path, tmp_path: Path) -> None:
    painted(clip, tmp_path / "o.mp4")
    with av.open(str(tmp_path / "o.mp4")) as file:
        context = file.streams.video[0].codec_context
        said = (context.color_primaries, context.color_trc, context.colorspace, context.color_range)
    assert said == (1, 1, 5, 1)  # BT.709, BT.709, BT.601 for a small picture, limited


def test_what_a_codec_cannot_hold_is_said(tmp_path: Path) -> None:
    clear = [np.dstack([frame, np.full(frame.shape[:2], 0.5, np.float32)]) for frame in moving(2)]
    source = write(tmp_path / "clear.mov", clear, codec="prores_ks", pixels="yuva444p10le")
    alpha, deep = painted(source, tmp_path / "o.mp4").notes
    assert "transparency" in alpha
    assert "8 bits" in deep
    painted(source, tmp_path / "o.webm")
    assert all(frame.alpha is not None for frame in read(tmp_path / "o.webm"))


def test_frames_a_millisecond_apart_are_all_written(tmp_path: Path) -> None:
    times = [Fraction(0), Fraction(1, 1000), Fraction(3, 2000), Fraction(1, 10), Fraction(9, 10)]
    source = film(tmp_path / "in.mp4", times=times)
    for ending in (".mp4", ".mov", ".mkv", ".webm"):
        painted(source, tmp_path / f"o{ending}")
        assert looked_at(tmp_path / f"o{ending}")["frames"] == pytest.approx([float(t) for t in times], abs=0.0011)


def test_avi_repeats_frames_and_loses_none(tmp_path: Path) -> None:
    times = [Fraction(n, 20) for n in (0, 2, 3, 8, 18, 20)]
    painted(film(tmp_path / "in.mp4", times=times), tmp_path / "o.avi")
    assert len(read(tmp_path / "o.avi")) == 22  # the last frame stands for a tenth of a second
    painted(film(tmp_path / "in.mkv", 24), tmp_path / "even.avi")
    again = painted(tmp_path / "even.avi", tmp_path / "again.mp4")
    assert again.frames == 24


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_a_piece_that_was_not_finished_can_be_read(tmp_path: Path, ending: str) -> None:
    """What is left of a program that was killed, also of pictures that take few bytes."""
    file = writer(tmp_path / f"o{ending}", 160, 128)
    for index in range(90):
        file.write(VideoFrame(np.full((128, 160, 3), index, np.uint8), Fraction(index, 10)))
    (piece,) = tmp_path.glob(f".*{ending}")
    left = tmp_path / f"left{ending}"
    left.write_bytes(piece.read_bytes())
    assert len(read(left)) >= 20
    file.discard()
    assert list(tmp_path.iterdir()) == [left]

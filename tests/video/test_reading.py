"""What is read of a clip."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import moving, read, write
from helpers import file_bytes, refused, scene
from PIL import Image

from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.pixels.arrays import floats, resize
from impasto.video.decoding import Orientation, decoded_samples
from impasto.video.paint_video import paint_video
from impasto.video.reading import Clip


def test_size_and_depth_are_the_file_s(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.mp4", moving(2))
    assert (Clip(plain).width, Clip(plain).height) == (96, 64)
    deep = write(tmp_path / "deep.mkv", moving(2), codec="ffv1", pixels="yuv420p10le")
    assert len(np.unique(np.rint(read(deep)[0].pixels * 65535))) > 256


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
    turned = Orientation.of_degrees(90)
    whole, small = (floats(decoded_samples(frame, size, turned)[0]) for size in (None, (32, 60)))
    assert whole.shape == (96, 64, 3)
    assert small.shape == (60, 32, 3)
    assert np.abs(small - resize(whole, 32, 60)).mean() < 1 / 255


def test_frames_of_another_size_are_brought_to_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for index, size in enumerate([(96, 64), (48, 32), (120, 80)]):
        (folder / f"{index}.png").write_bytes(file_bytes(scene(*size)))
    assert [frame.pixels.shape for frame in read(folder)] == [(64, 96, 3)] * 3


def test_another_rate_leaves_out_or_repeats_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "c.mkv", moving(4), codec="ffv1", pixels="bgr0")
    before = read(path)
    for fps, chosen in ((20, [0, 0, 1, 1, 2, 2, 3, 3]), (5, [0, 2])):
        clip = Clip(path, fps=fps)
        frames = list(clip.frames())
        assert (clip.rate, clip.count) == (fps, len(chosen))
        assert [frame.time for frame in frames] == [Fraction(index, fps) for index in range(len(chosen))]
        for frame, index in zip(frames, chosen, strict=True):
            np.testing.assert_array_equal(frame.samples, before[index].samples)


def test_a_folder_has_the_rate_that_is_given(tmp_path: Path) -> None:
    for index in range(3):
        (tmp_path / f"{index}.png").write_bytes(file_bytes(scene()))
    assert [frame.time for frame in Clip(tmp_path).frames()] == [0, Fraction(1, 25), Fraction(2, 25)]
    assert [frame.time for frame in Clip(tmp_path, fps=10, start=0.1).frames()] == [0, Fraction(1, 10)]


def test_the_shape_of_pixels_is_known(tmp_path: Path) -> None:
    for name, ratio, size in (("wide", Fraction(16, 11), (140, 64)), ("tall", Fraction(10, 11), (96, 70))):
        for ending in ("mkv", "mp4", "avi"):
            clip = Clip(write(tmp_path / f"{name}.{ending}", moving(3), context={"sample_aspect_ratio": ratio}))
            assert clip.sample_aspect_ratio == ratio
            assert clip.output_size(None) == (96, 64)
            assert clip.output_size(None, square=True) == size
    nonsense = write(tmp_path / "c.mkv", moving(3), context={"sample_aspect_ratio": Fraction(1000)})
    assert Clip(nonsense).sample_aspect_ratio == 1
    turned = write(tmp_path / "t.mkv", moving(3), context={"sample_aspect_ratio": Fraction(2)}, tags={"rotate": "90"})
    assert Clip(turned).sample_aspect_ratio == Fraction(1, 2)


def test_frames_and_animations_have_square_pixels_and_videos_keep_theirs(tmp_path: Path) -> None:
    path = write(tmp_path / "c.mkv", moving(2), context={"sample_aspect_ratio": Fraction(4, 3)})
    paint_video(path, "udnie", tmp_path / "frames")
    paint_video(path, "udnie", tmp_path / "c.gif")
    assert Picture.open(tmp_path / "frames" / "000001.png").to_pil().size == (128, 64)
    assert Picture.open(tmp_path / "c.gif").to_pil().size == (128, 64)
    paint_video(path, "udnie", tmp_path / "o.mp4")
    assert (Clip(tmp_path / "o.mp4").width, Clip(tmp_path / "o.mp4").sample_aspect_ratio) == (96, Fraction(4, 3))


def test_a_stream_that_changes_its_size_keeps_its_shapes(tmp_path: Path) -> None:
    wide, square = moving(6), [frame[:, :64] for frame in moving(6)]
    one, two = write(tmp_path / "one.ts", wide), write(tmp_path / "two.ts", square)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() + two.read_bytes())
    clip = Clip(joined)
    frames = list(clip.frames())
    assert [frame.pixels.shape for frame in frames] == [(64, 96, 3)] * 12
    assert frames[-1].pixels[:, :15].max() == 0
    assert np.abs(frames[-1].pixels[:, 16:80] - square[-1]).mean() < 0.03
    assert [note for note in clip.notes if "shape" in note]


def test_damage_is_skipped_and_said(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((64, 96, 3), np.float32)
    frames = [np.roll(noise, 3 * index, 1) for index in range(36)]
    whole = write(tmp_path / "c.mp4", frames, encoder={"crf": "20", "g": "6"}).read_bytes()
    middle = len(whole) // 2
    path = tmp_path / "hole.mp4"
    path.write_bytes(whole[:middle] + bytes(4000) + whole[middle + 4000 :])
    clip = Clip(path)
    read_frames = list(clip.frames())
    assert 24 < len(read_frames) < 36
    assert float(read_frames[-1].time) == 3.5
    assert "damaged" in clip.notes[0]
    assert str(path) in clip.notes[0]


def test_a_clip_that_ends_early_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "c.mkv", moving(40), codec="ffv1", pixels="bgr0", encoder={})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    clip = Clip(path)
    assert 10 < len(list(clip.frames())) < 30
    assert "truncated" in clip.notes[0]
    assert not (list(Clip(path, end=0.5).frames()) and Clip(path, end=0.5).notes)


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "c.mkv", moving(2))
    for name, value in (("start", math.nan), ("end", math.inf), ("fps", math.nan), ("fps", 0.0), ("fps", -5.0)):
        with refused(UsageError, "not-a-number"):
            Clip(path, **{name: value})


def numbered(folder: Path, names: dict[str, int]) -> Path:
    folder.mkdir()
    for name, value in names.items():
        (folder / name).write_bytes(file_bytes(np.full((64, 96, 3), value, np.uint8)))
    return folder


def test_a_folder_s_frames_come_in_natural_order_without_junk(tmp_path: Path) -> None:
    folder = numbered(tmp_path / "f", {f"take {index}.png": index * 20 for index in range(1, 13)})
    (folder / "._take 1.png").write_bytes(b"\0\5\x16\7" + bytes(99))
    (folder / ".DS_Store").write_bytes(b"junk")
    (folder / "Thumbs.db").write_bytes(b"junk")
    (folder / "@eaDir.png").mkdir()
    clip = Clip(folder)
    assert [frame.samples[0, 0, 0] for frame in clip.frames()] == [index * 20 for index in range(1, 13)]
    assert (clip.count, clip.notes) == (12, [])


def test_a_frame_that_cannot_be_read_is_named_and_replaced(tmp_path: Path) -> None:
    folder = numbered(tmp_path / "f", {f"{index}.png": index * 20 for index in (2, 3, 5)})
    for name in ("1.png", "4.png"):
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n broken")
    clip = Clip(folder)
    frames = list(clip.frames())
    assert [frame.samples[0, 0, 0] for frame in frames] == [40, 40, 60, 60, 100]
    assert [frame.time for frame in frames] == [Fraction(index, 25) for index in range(5)]
    assert len(clip.notes) == 2
    assert "1.png" in clip.notes[0]
    assert "4.png" in clip.notes[1]
    for name in ("2.png", "3.png", "5.png"):
        (folder / name).write_bytes(b"")
    with refused(PictureError, "no-pictures"):
        Clip(folder)


def test_a_frame_of_another_shape_keeps_it(tmp_path: Path) -> None:
    folder = numbered(tmp_path / "f", {"1.png": 100})
    (folder / "2.png").write_bytes(file_bytes(np.full((96, 64, 3), 200, np.uint8)))
    tall = list(Clip(folder).frames())[1]
    assert tall.samples.shape == (64, 96, 3)
    assert tall.pixels[:, :20].max() == 0
    assert tall.pixels[:, 40:56].min() > 0.7


def test_an_animated_webp_or_avif_is_a_clip(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((32, 48, 4), (index * 40, 50, 60, 128 + index), np.uint8)) for index in range(5)]
    for ending, options in (("webp", {"lossless": True}), ("avif", {"quality": 100})):
        path = tmp_path / f"c.{ending}"
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, **options)
        clip = Clip(path, start=0.05, end=0.2)
        shown = list(clip.frames())
        assert [frame.time for frame in shown] == [0, Fraction(1, 20), Fraction(1, 10)]
        assert clip.rate == 20
        for index, frame in enumerate(shown, 1):
            assert frame.alpha is not None
            assert abs(frame.alpha.mean() * 255 - 128 - index) < 3
            assert abs(int(frame.samples[5, 5, 0]) - index * 40) < 4

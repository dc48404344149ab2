"""Which files are opened, and which are refused."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from clips import moving, read, write
from helpers import ROOT, file_bytes, refused, scene

from impasto.errors import PictureError
from impasto.video.options import VideoOptions
from impasto.video.paint_video import paint_video
from impasto.video.reading import Clip


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write(tmp_path / "plain.mp4", moving(3))


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.5,\n{}\n#EXT-X-ENDLIST\n",
    "mp4": "\ufeff#EXTM3U\n#EXTINF:0.5,\n{}\n",
    "ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5000 RTP/AVP 96\n",
    "mpd": "<?xml version='1.0'?>\n<MPD><Period><BaseURL>{}</BaseURL></Period></MPD>",
    "ism": "<?xml version='1.0'?>\n<SmoothStreamingMedia Duration='1'/>",
    "pls": "[playlist]\nFile1={}\n",
    "asx": "<ASX version='3.0'><Entry><Ref href='{}'/></Entry></ASX>",
}


@pytest.mark.parametrize("ending", PLAYLISTS)
def test_files_that_name_others_are_not_opened(tmp_path: Path, ending: str) -> None:
    other = write(tmp_path / "other.ts", moving(12))
    script = tmp_path / f"holiday.{ending}"
    script.write_text(PLAYLISTS[ending].format(other))
    with refused(PictureError, "not-a-video", "other files"):
        Clip(script)


@pytest.mark.parametrize("text", ["# a comment\nffconcat version 1.0\nfile '{}'\n", "file '{}'\n", "subfile,,:{}"])
def test_other_scripts_are_not_opened_either(tmp_path: Path, text: str) -> None:
    other = write(tmp_path / "other.ts", moving(12))
    script = tmp_path / "holiday.mp4"
    script.write_text(text.format(other))
    with refused(PictureError, "not-a-video", "text"):
        Clip(script)


def test_a_pattern_of_pictures_is_no_clip(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(file_bytes(scene()))
    with refused(PictureError, "no-such-file", "folder"):
        Clip(tmp_path / "%d.png")
    with refused(PictureError, "not-a-video", "still picture"):
        Clip(tmp_path / "1.png")


def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", Path("/dev/zero")):
        with refused(PictureError, "not-a-file"):
            Clip(path)


def test_links_and_folders_of_strangers_are_refused(plain: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.mp4"
    link.symlink_to(plain)
    assert len(read(link)) == 3
    for path in (link, tmp_path):
        with refused(PictureError, "not-a-file"):
            Clip(path, untrusted=True)
    with refused(PictureError, "not-a-file"):
        paint_video(link, "udnie", tmp_path / "o.mp4", untrusted=True)
    with refused(PictureError, "not-a-file"):
        paint_video(plain, "udnie", tmp_path / "o.mp4", options=VideoOptions(untrusted=True), regions=[(link, "none")])
    painting = tmp_path / "painting.png"
    painting.symlink_to(ROOT / "examples" / "almond-blossom.jpg")
    for style, regions in ((painting, None), ("udnie", [(painting, "none")])):
        with refused(PictureError, "not-a-file", "painting.png"):
            paint_video(plain, style, tmp_path / "o.mp4", untrusted=True, regions=regions)
    assert not (tmp_path / "o.mp4").exists()
    assert len(list(Clip(plain, untrusted=True).frames())) == 3


NAMES = [
    *("take:1.mp4", "http:x.mp4", "concat:a|b.mp4", "100%.mp4", "%03d.mp4", "a[1].mp4", "-lead.mp4", "what?.mp4"),
    *("a#b&c.mp4", "Übung 日本.mp4", "new\nline.mp4", os.fsdecode(b"caf\xe9.mp4"), "no-ending", "wrong.jpg", "x.m3u8"),
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_names(plain: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(plain, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(read(Path(name))) == 3


def test_what_is_wrong_with_a_file_is_said(plain: Path, tmp_path: Path) -> None:
    whole = plain.read_bytes()
    files = {
        "empty.mp4": (b"", "empty-file", "empty"),
        "text.mp4": (b"hello " * 99, "not-a-video", "text"),
        "noise.mp4": (np.random.default_rng(0).bytes(9999), "not-a-video", "noise.mp4"),
        "broken-off.mp4": (whole[: whole.index(b"moov") - 4], "damaged-file", "moov"),
        "unknown.mp4": (whole.replace(b"avc1", b"zzzz"), "unknown-format", "codec"),
    }
    for name, (data, code, word) in files.items():
        (tmp_path / name).write_bytes(data)
        with refused(PictureError, code, name, word):
            Clip(tmp_path / name)


def test_large_frames_are_refused_by_their_header(plain: Path, tmp_path: Path) -> None:
    with refused(PictureError, "too-large", "96 x 64"):
        Clip(plain, max_pixels=96 * 64 - 1)
    jpegs = bytearray(write(tmp_path / "c.avi", moving(2), codec="mjpeg", pixels="yuvj420p", encoder={}).read_bytes())
    for at in (at for at in range(len(jpegs)) if jpegs[at : at + 5] == b"\xff\xc0\0\x11\x08"):
        jpegs[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    (tmp_path / "bomb.avi").write_bytes(jpegs)
    with refused(PictureError, "no-frames"):
        Clip(tmp_path / "bomb.avi")


def test_sound_with_a_cover_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container:
        voice, cover = container.add_stream("libmp3lame", rate=44_100), container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt, cover.disposition = 96, 64, "yuvj420p", 1 << 10
        picture = av.VideoFrame.from_ndarray(scene(), format="rgb24").reformat(format="yuvj420p")
        for index in range(8):
            chunk = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.float32), format="fltp", layout="mono")
            chunk.sample_rate, chunk.pts = 44_100, index * 1152
            container.mux(voice.encode(chunk))
        container.mux([*voice.encode(None), *cover.encode(picture), *cover.encode(None)])
    with refused(PictureError, "not-a-video", "sound alone"):
        Clip(path)


@pytest.mark.parametrize(("dispositions", "size"), [((0, 1), (48, 32)), ((1, 1), (96, 64))])
def test_the_video_that_players_show_is_read(
    tmp_path: Path, dispositions: tuple[int, int], size: tuple[int, int]
) -> None:
    path, sizes = tmp_path / "c.mkv", ((96, 64), (48, 32))
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("ffv1", rate=10) for _ in dispositions]
        for stream, disposition, (width, height) in zip(streams, dispositions, sizes, strict=True):
            stream.width, stream.height, stream.pix_fmt, stream.disposition = width, height, "bgr0", disposition
        for stream, (width, height) in zip(streams, sizes, strict=True):
            picture = av.VideoFrame.from_ndarray(scene(width, height), format="rgb24").reformat(format="bgr0")
            container.mux([*stream.encode(picture), *stream.encode(None)])
    clip = Clip(path)
    assert (clip.width, clip.height) == size


def test_titles_that_are_no_utf8_are_no_obstacle(tmp_path: Path) -> None:
    path = write(tmp_path / "c.mkv", moving(2), tags={"title": "TITLExxxx"})
    path.write_bytes(path.read_bytes().replace(b"TITLExxxx", "Fête Zür.".encode("latin-1")))
    assert len(read(path)) == 2
    assert paint_video(path, "udnie", tmp_path / "o.mp4").frames == 2


def test_an_edit_list_is_followed_unless_it_hides_everything(plain: Path, tmp_path: Path) -> None:
    whole = bytearray(plain.read_bytes())
    at = whole.index(b"elst") + 12
    begins = struct.unpack(">i", whole[at + 4 : at + 8])[0]
    timescale = int.from_bytes(whole[(mdhd := whole.index(b"mdhd") + 16) : mdhd + 4], "big")
    for name, duration, start, count in (("one", 200, begins + timescale // 10, 2), ("none", 3000, 900 * timescale, 3)):
        whole[at : at + 8] = struct.pack(">Ii", duration, start)
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(whole)
        clip = Clip(path)
        assert len(list(clip.frames())) == count, name
        assert [note for note in clip.notes if "edit list" in note] == clip.notes
        assert bool(clip.notes) == (name == "none")


def test_names_that_no_system_takes_are_refused(tmp_path: Path) -> None:
    for name in ("a" * 300 + ".mp4", "a\0b.mp4"):
        with refused(PictureError, "not-readable"):
            Clip(tmp_path / name)

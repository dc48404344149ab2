"""Sounds and subtitles come along: copied, converted, or left out with a note, and always in time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from films import Sound, Subtitles, decoded_sound, edited, film, looked_at, of_kind

from impasto.video import streams
from impasto.video.paint_video import PaintedVideo, paint_video

CONTAINERS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
SOUNDS = {
    ".wmv": ("wmav2",),
    ".mkv": ("aac", "ac3", "flac", "pcm_s16le", "libopus", "libmp3lame"),
    ".mov": ("pcm_s16be", "pcm_s24le", "alac"),
    ".avi": ("pcm_s16le", "pcm_u8", "adpcm_ima_wav", "libmp3lame"),
    ".ts": ("mp2", "eac3", "aac"),
}


def each_with_two_containers() -> Iterator[tuple[str, str, str]]:
    """All pairs would take a minute."""
    sounds = [(source, codec) for source, codecs in SOUNDS.items() for codec in codecs]
    for index, (source, codec) in enumerate(sounds):
        for ending in sorted({CONTAINERS[index % 6], CONTAINERS[(index + 1 + index // 6) % 6]}):
            yield source, codec, ending


def painted(source: Path, result: Path, **options: object) -> PaintedVideo:
    return paint_video(source, "udnie", result, steady=0, strength=50, **options)


def test_packets_that_the_container_holds_are_copied(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", sounds=[Sound("aac"), Sound("ac3")], subtitles=[Subtitles("mov_text")])
    assert painted(source, tmp_path / "out.mp4").notes == ()
    before, after = looked_at(source), looked_at(tmp_path / "out.mp4")
    assert after["streams"][1:] == before["streams"][1:]
    assert after["frames"] == before["frames"]


@pytest.mark.parametrize(("source", "codec", "ending"), list(each_with_two_containers()))
def test_every_sound_goes_into_every_container(tmp_path: Path, source: str, codec: str, ending: str) -> None:
    """Each is heard when it was: silence to 0.25 s, then a tone of 440 Hz."""
    late = 0.25 if source == ".mkv" else 0
    clip = film(tmp_path / f"in{source}", 12, sounds=[Sound(codec, start=late)])
    result = tmp_path / f"out{ending}"
    notes = painted(clip, result).notes
    (stream,) = of_kind(looked_at(result), "audio")
    if stream["codec"] != of_kind(looked_at(clip), "audio")[0]["codec"] and codec != "mp2":  # MP4 calls that MP3
        assert notes
    assert all(str(clip) in note and "converted to" in note for note in notes)
    samples, rate = decoded_sound(result)
    loud = np.abs(samples) > 0.1
    delay = 0.085 if codec == "wmav2" else 0  # its encoder's, of which its file says nothing
    assert loud.argmax() / rate == pytest.approx(late + delay, abs=0.03)
    middle = samples[round((late + 0.1) * rate) : round((late + 0.3) * rate)]
    assert (np.diff(np.signbit(middle)).sum() / 2) / 0.2 == pytest.approx(440, abs=12)


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_what_an_edit_list_hides_is_not_heard(tmp_path: Path, ending: str) -> None:
    whole = film(tmp_path / "whole.mp4", 96, sounds=[Sound()], encoder={"g": "12"})
    clip = edited(whole, tmp_path / "in.mov", [(1, 0.5), (1, 2.25)])
    result = tmp_path / f"out{ending}"
    notes = painted(clip, result).notes
    assert not [note for note in notes if "repaired" in note]
    frames = looked_at(result)["frames"]
    assert [time - frames[0] for time in frames] == pytest.approx(looked_at(clip)["frames"], abs=0.002)
    assert len(frames) == 48
    samples, rate = decoded_sound(result)
    assert len(samples) / rate == pytest.approx(2, abs=0.1)
    assert of_kind(looked_at(result), "audio")[0]["packets"][0][0] == pytest.approx(0, abs=0.15)


@pytest.mark.parametrize(
    ("layout", "rate"), [("mono", 8000), ("5.1", 48_000), ("7.1", 48_000), ("quad", 96_000), ("stereo", 192_000)]
)
def test_layouts_and_rates_that_an_encoder_lacks_are_changed(tmp_path: Path, layout: str, rate: int) -> None:
    clip = film(tmp_path / "in.mkv", 12, sounds=[Sound("pcm_s16le", rate, layout)])
    for ending in (".mp4", ".webm", ".avi"):
        painted(clip, tmp_path / f"out{ending}")
        samples, found = decoded_sound(tmp_path / f"out{ending}")
        assert len(samples) / found == pytest.approx(0.5, abs=0.13)
        assert np.abs(samples).max() > 0.02


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("codec", ["subrip", "ass", "webvtt"])
def test_text_goes_into_every_container(tmp_path: Path, codec: str, ending: str) -> None:
    source = film(tmp_path / "in.mkv", 48, subtitles=[Subtitles(codec, {"language": "ita"})])
    painted(source, tmp_path / f"out{ending}")
    (lines,) = of_kind(looked_at(tmp_path / f"out{ending}"), "subtitle")
    assert lines["language"] == "ita"
    texts = [(at, data) for at, data in lines["packets"] if b"Hello" in data or "Bye ä".encode() in data]
    assert [at for at, _ in texts] == pytest.approx([0.1, 0.7], abs=0.002)


def test_text_that_is_shown_when_a_part_begins_is_shown(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", 48, subtitles=[Subtitles()])
    painted(source, tmp_path / "out.mkv", start=0.3, end=1.2)
    (lines,) = of_kind(looked_at(tmp_path / "out.mkv"), "subtitle")
    assert [at for at, _ in lines["packets"]] == pytest.approx([0, 0.4], abs=0.002)


def test_what_cannot_come_along_is_said_before_a_frame_is_painted(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", 6, subtitles=[Subtitles(said={"language": "deu"})])
    (note,) = painted(source, tmp_path / "out.avi").notes
    assert note == f"{source}: the subtitles (track 1, subrip, deu) are left out: .avi does not support subrip"
    assert painted(source, tmp_path / "silent.avi", sound=False).notes == ()


def test_languages_titles_and_dispositions_stay(tmp_path: Path) -> None:
    french = Sound("aac", said={"language": "fra", "title": "Français"}, disposition=1)
    comment = Sound("ac3", said={"language": "eng", "title": "Commentary"}, disposition=8)
    german = Subtitles(said={"language": "deu", "title": "Untertitel"}, disposition=1 | 64)
    source = film(tmp_path / "in.mkv", 12, sounds=[french, comment], subtitles=[german])
    keys = ("language", "title", "disposition")
    expected = [("fra", "Français", 1), ("eng", "Commentary", 8), ("deu", "Untertitel", 65)]
    for ending in (".mkv", ".mp4"):
        painted(source, tmp_path / f"out{ending}")
        streams = looked_at(tmp_path / f"out{ending}")["streams"][1:]
        assert [tuple(stream[key] for key in keys) for stream in streams] == expected
    painted(tmp_path / "out.mp4", tmp_path / "again.mkv")
    streams = looked_at(tmp_path / "again.mkv")["streams"][1:]
    assert [tuple(stream[key] for key in keys) for stream in streams] == expected


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".webm", ".avi"])
def test_a_part_stays_in_time(tmp_path: Path, ending: str) -> None:
    """The tone begins at 1.2 s of the clip: 0.7 s after a part that begins at 0.5 s."""
    source = film(tmp_path / "in.mkv", 48, sounds=[Sound(start=1.2, seconds=0.6)])
    result = painted(source, tmp_path / f"out{ending}", start=0.5, end=1.6)
    assert result.frames in (26, 27)
    samples, rate = decoded_sound(tmp_path / f"out{ending}")
    assert (np.abs(samples) > 0.1).argmax() / rate == pytest.approx(0.7, abs=0.06)
    assert len(samples) / rate < 1.2


def test_a_longer_sound_goes_on_and_a_stopped_clips_ends_with_it(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", 24, sounds=[Sound(seconds=2)])
    painted(source, tmp_path / "out.mp4")
    assert of_kind(looked_at(tmp_path / "out.mp4"), "audio")[0]["packets"][-1][0] > 1.9
    painted(source, tmp_path / "part.mp4", keep_partial=True, on_progress=lambda now: now.step < 12)
    assert 0.4 < of_kind(looked_at(tmp_path / "part.mp4"), "audio")[0]["packets"][-1][0] < 0.55


def test_joined_recordings_keep_picture_and_sound_together(tmp_path: Path) -> None:
    part = film(tmp_path / "part.ts", 24, sounds=[Sound("mp2", seconds=1)])
    (tmp_path / "in.ts").write_bytes(part.read_bytes() * 3)
    for ending in (".mp4", ".mkv", ".webm"):
        assert painted(tmp_path / "in.ts", tmp_path / f"out{ending}").frames == 72
        times = [at for at, _ in of_kind(looked_at(tmp_path / f"out{ending}"), "audio")[0]["packets"]]
        assert times == sorted(set(times))
        assert times[-1] == pytest.approx(2.95, abs=0.06)


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_damage_in_the_sound_ends_nothing(tmp_path: Path, ending: str) -> None:
    source = film(tmp_path / "in.mkv", 48, sounds=[Sound("aac")])
    with av.open(str(source)) as file:
        places = [(packet.pos, packet.size) for packet in file.demux(audio=0) if packet.size]
    data = bytearray(source.read_bytes())
    for place, size in places[20:24]:  # behind the header of a block
        data[place + 12 : place + size - 2] = bytes(255 - value for value in data[place + 12 : place + size - 2])
    source.write_bytes(data)
    result = painted(source, tmp_path / f"out{ending}")
    assert result.frames == 48
    assert of_kind(looked_at(tmp_path / f"out{ending}"), "audio")[0]["packets"][-1][0] > 1.8


def test_a_sound_without_a_packet_is_left_out(tmp_path: Path) -> None:
    pictures = film(tmp_path / "pictures.mkv", 6)
    with av.open(str(pictures)) as source, av.open(str(tmp_path / "in.mkv"), "w") as out:
        video = out.add_stream_from_template(source.streams.video[0], opaque=True)
        out.add_stream("aac", rate=48_000)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
    (note,) = painted(tmp_path / "in.mkv", tmp_path / "out.mp4").notes
    assert "the sound (track 1, aac) is left out: it has no content in this part" in note


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".webm", ".avi"])
def test_sound_before_the_first_picture_stays_in_time(tmp_path: Path, ending: str) -> None:
    """The first picture is shown at 1.5 s, and the tone ends at 2 s."""
    source = film(tmp_path / "in.mp4", 24, begun=Fraction(3, 2), sounds=[Sound(seconds=2)])
    painted(source, tmp_path / f"out{ending}")
    seen = looked_at(tmp_path / f"out{ending}")
    assert len(seen["frames"]) == 24
    times = [at for at, _ in of_kind(seen, "audio")[0]["packets"]]
    assert times[-1] - seen["frames"][0] == pytest.approx(0.45, abs=0.06)
    if ending != ".avi":
        assert times[0] - seen["frames"][0] == pytest.approx(-1.5, abs=0.05)


def test_languages_are_written_as_the_container_writes_them(tmp_path: Path) -> None:
    sounds = [Sound(said={"language": name}) for name in ("en-US", "de", "swe")]
    source = film(tmp_path / "in.mkv", 6, sounds=sounds)
    for ending, languages in ((".mp4", ["eng", "deu", "swe"]), (".mov", ["eng", "ger", "sve"])):
        painted(source, tmp_path / f"out{ending}")
        tracks = of_kind(looked_at(tmp_path / f"out{ending}"), "audio")
        assert [track["language"] for track in tracks] == languages


def test_only_the_part_that_is_painted_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = film(tmp_path / "in.mkv", 720, sounds=[Sound("pcm_s16le")], subtitles=[Subtitles()])
    last: list[float] = []
    placed = streams._Clock.placed

    def noted(self: streams._Clock, packet: Any, *, subtitle: bool) -> Any:
        last.append(float(packet.pts * packet.time_base))
        return placed(self, packet, subtitle=subtitle)

    monkeypatch.setattr(streams._Clock, "placed", noted)
    painted(source, tmp_path / "out.mkv", end=0.2)
    assert max(last) < 12

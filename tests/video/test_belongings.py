"""What a clip says of itself comes along: titles, dates, places, chapters, covers, fonts, timecodes."""

from __future__ import annotations

from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path

import av
import pytest
from films import Sound, Subtitles, film, looked_at, of_kind

from impasto.video.joining import fills_mux_streams
from impasto.video.paint_video import PaintedVideo, paint_video

TITLES = {"title": "Fête à Zürich", "artist": "Jürgen", "date": "2011", "copyright": "© 2011", "genre": "Home"}
DATE = "2024-05-01T10:00:00.000000Z"
PLACE = "+48.2000+016.3000/"


def painted(source: Path, result: Path, **options: object) -> PaintedVideo:
    return paint_video(source, "udnie", result, steady=0, strength=50, **options)


@pytest.mark.parametrize("ending", [".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"])
def test_titles_and_dates_come_along(tmp_path: Path, ending: str) -> None:
    source = film(tmp_path / "in.mkv", 3, said={**TITLES, "creation_time": DATE, "comment": "By hand"})
    painted(source, tmp_path / f"out{ending}")
    said = looked_at(tmp_path / f"out{ending}")["said"]
    assert said["title"] == TITLES["title"]
    assert said["artist"] == TITLES["artist"]
    assert said["date"] == "2011"
    assert said["copyright"] == TITLES["copyright"]
    assert "By hand" in said["comment"]
    assert any("digital_source_type" in value for value in said.values())
    if ending != ".avi":
        assert said["creation_time"] == DATE
        assert said["comment"] == "By hand"
    if ending in (".mkv", ".mp4"):
        assert said["genre"] == "Home"


def test_what_a_phone_says_comes_along(tmp_path: Path) -> None:
    phone = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.location.ISO6709": PLACE, "title": "T"}
    source = film(tmp_path / "in.mov", 3, said=phone, options={"movflags": "use_metadata_tags"})
    painted(source, tmp_path / "out.mp4")
    said = looked_at(tmp_path / "out.mp4")["said"]
    assert said["com.apple.quicktime.make"] == "Apple"
    assert said["com.apple.quicktime.location.iso6709"] == PLACE
    painted(source, tmp_path / "nowhere.mp4", strip_location=True)
    said = looked_at(tmp_path / "nowhere.mp4")["said"]
    assert said["com.apple.quicktime.make"] == "Apple"
    assert PLACE not in said.values()


def test_a_place_comes_along_unless_it_shall_not(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", 3, said={"location": PLACE, "title": "T"})
    for options in ({}, {"strip_location": True}):
        for ending in (".mp4", ".mov", ".mkv"):
            result = tmp_path / f"out{ending}"
            painted(source, result, overwrite=True, **options)
            said = looked_at(result)["said"]
            assert said["title"] == "T"
            assert (PLACE in said.values()) is (not options)


def test_titles_in_no_known_encoding_stop_nothing(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", 3, said={"title": "TITLExxxx"})
    source.write_bytes(source.read_bytes().replace(b"TITLExxxx", "Fête Zür.".encode("latin-1")))
    assert painted(source, tmp_path / "out.mkv").frames == 3
    assert looked_at(tmp_path / "out.mkv")["said"]["title"].startswith("F")


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".webm"])
def test_chapters_come_along_and_follow_the_cut(tmp_path: Path, ending: str) -> None:
    source = film(tmp_path / "in.mkv", 72, chapters=[(0, 1, "A"), (1, 2, "B"), (2, 3, "Ç")])
    painted(source, tmp_path / f"out{ending}")
    assert looked_at(tmp_path / f"out{ending}")["chapters"] == [(0, 1, "A"), (1, 2, "B"), (2, 3, "Ç")]
    painted(source, tmp_path / f"cut{ending}", start=1.5, end=2.5)
    assert looked_at(tmp_path / f"cut{ending}")["chapters"] == [(0, 0.5, "B"), (0.5, 1, "Ç")]


def test_covers_and_fonts_come_along(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", 3, cover=True, font=b"face")
    assert painted(source, tmp_path / "out.mkv").notes == ()
    with av.open(str(tmp_path / "out.mkv")) as file:
        assert [(font.name, font.data) for font in file.streams.attachments] == [("face.ttf", b"face")]
        assert [int(stream.disposition) >> 10 & 1 for stream in file.streams.video] == [0, 1]
    (note,) = painted(source, tmp_path / "out.mp4").notes
    assert "fonts" in note
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert [int(stream.disposition) >> 10 & 1 for stream in file.streams.video] == [0, 1]
    assert "cover" in " ".join(painted(source, tmp_path / "out.webm").notes)


def test_timecodes_and_the_pictures_language_come_along(tmp_path: Path) -> None:
    said = {"timecode": "01:00:00:00", "language": "fra", "title": "Main"}
    source = film(tmp_path / "in.mkv", 48, of_picture=said)
    with nullcontext() if fills_mux_streams() else pytest.warns(UserWarning, match="PyAV 18.1"):
        result = painted(source, tmp_path / "out.mp4", start=1)
    assert result.notes == ()
    with av.open(str(tmp_path / "out.mp4")) as file:
        picture = file.streams.video[0].metadata
    assert (picture["language"], picture["name"]) == ("fra", "Main")
    assert picture.get("timecode") == ("01:00:01:00" if fills_mux_streams() else None)


def test_data_is_left_out_with_a_note(tmp_path: Path) -> None:
    pictures = film(tmp_path / "pictures.mkv", 12)
    with av.open(str(pictures)) as source, av.open(str(tmp_path / "in.ts"), "w") as out:
        video = out.add_stream_from_template(source.streams.video[0], opaque=True)
        data = out.add_data_stream("klv")
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        packet = av.Packet(b"\x06\x0e\x2b\x34abcd")
        packet.time_base, packet.pts, packet.dts, packet.stream = Fraction(1, 1000), 100, 100, data
        out.mux(packet)
    (note,) = painted(tmp_path / "in.ts", tmp_path / "out.mp4").notes
    assert "1 data track is left out (klv)" in note


def test_all_comes_along_in_pieces_too(tmp_path: Path) -> None:
    source = film(
        tmp_path / "in.mkv",
        24,
        sounds=[Sound(said={"language": "fra"})],
        subtitles=[Subtitles()],
        chapters=[(0, 1, "A")],
        said=TITLES,
        cover=True,
    )
    seen = []
    for name, options in (("whole", {}), ("pieces", {"resume": True, "segment": 7})):
        painted(source, tmp_path / f"{name}.mkv", **options)
        seen.append(looked_at(tmp_path / f"{name}.mkv"))
    assert seen[0]["frames"] == seen[1]["frames"]
    assert seen[0]["chapters"] == seen[1]["chapters"] == [(0, 1, "A")]
    assert seen[0]["said"] == seen[1]["said"]
    for kind in ("audio", "subtitle"):
        assert of_kind(seen[0], kind) == of_kind(seen[1], kind)


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_nothing_of_the_clip_s_own_is_left_if_it_shall_not_be(tmp_path: Path, ending: str) -> None:
    said = {"title": "TITLEMARK", "creation_time": DATE, "location": PLACE, "comment": "COMMENTMARK"}
    sound = Sound(said={"language": "fra", "title": "TRACKMARK"})
    chapters = [(0.0, 1.0, "CHAPTERMARK")]
    source = film(tmp_path / "in.mkv", 48, sounds=[sound], said=said, chapters=chapters, cover=True, font=b"face")
    marks = (b"TITLEMARK", b"COMMENTMARK", b"TRACKMARK", b"CHAPTERMARK", PLACE[:8].encode(), b"2024-05-01")
    plain, stripped = tmp_path / f"plain{ending}", tmp_path / f"stripped{ending}"
    painted(source, plain)
    before = looked_at(plain)
    assert before["said"]["title"] == "TITLEMARK"
    assert before["chapters"][0][2] == "CHAPTERMARK"
    painted(source, stripped, strip_metadata=True)
    for mark in marks:
        assert mark not in stripped.read_bytes()
    found = looked_at(stripped)
    assert found["chapters"] == []
    assert "digital_source_type" in found["said"]["comment"]
    assert [one["kind"] for one in found["streams"] if one["kind"] != "attachment"] == ["video", "audio"]  # no cover
    (heard,) = [one for one in found["streams"] if one["kind"] == "audio"]
    assert heard["language"] in ("fra", "fre")
    assert heard["packets"]
    with av.open(stripped) as container:
        assert len(container.streams.attachments) == (ending == ".mkv")

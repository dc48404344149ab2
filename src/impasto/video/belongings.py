"""What a video file says of itself, besides its pictures and its sound: titles, dates, chapters, covers, fonts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from impasto.picture.metadata import comment_text

_OF_THE_FILE = re.compile(
    r"major_brand|minor_version|compatible_brands|encoder|encoded_by|vendor_id|duration|rotate|alpha_mode|stereo_mode"
    r"|number_of_(frames|bytes)|bps|_statistics_.*|.*-eng$|handler_name|variant_bitrate|compilation|gapless_playback"
    r"|wm/.*|.*_umid|isvbr|devicecontenttype|hw|maxrate|te_is_reencode|id3v2_priv.*|service_(name|provider)|filename|mimetype",
    re.IGNORECASE,
)
"""What a file says of its own bytes, which are others now, or says twice."""

_PLACE = re.compile(
    r"location|gps|geo|xyz$|latitude|longitude|altitude|loci|coordinates|place|recorded_at", re.IGNORECASE
)

_ITUNES = {
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping"),
    *("lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "track", "disc"),
    *("location", "creation_time", "timecode"),
}
"""What MP4 files have places of their own for; other names need a table that fewer programs read."""

_QUICKTIME = {
    *("title", "artist", "author", "album", "date", "comment", "genre", "copyright", "make", "model", "location"),
    *("creation_time", "timecode"),
}
"""The same of MOV files."""

_MARKS = ("comment", "description", "synopsis")


@dataclass(frozen=True)
class Strip:
    """Leaves out of metadata what nobody shall know.

    Attributes:
        location: where it was recorded.
        metadata: all but what is needed to play it: languages of tracks, fonts of subtitles.
    """

    location: bool = False
    metadata: bool = False

    def __call__(self, said: Mapping[str, str]) -> dict[str, str]:
        """What is left of metadata."""
        if self.metadata:
            return {name: value for name, value in said.items() if name.lower() == "language"}
        return {name: value for name, value in said.items() if not (self.location and _PLACE.search(name))}


@dataclass(frozen=True)
class Belongings:
    """What belongs to a clip.

    Attributes:
        said: the file's metadata, such as its title and its date.
        picture: those of its pictures' stream, such as their language.
        chapters: as PyAV gives them, in seconds of the part that is painted: (start, end, metadata).
        attachments: name, MIME type and bytes of each, such as fonts.
        covers: codec and bytes of each.
        notes: what is left out.
    """

    said: Mapping[str, str] = field(default_factory=dict)
    picture: Mapping[str, str] = field(default_factory=dict)
    disposition: int = 1
    chapters: tuple[tuple[Fraction, Fraction, Mapping[str, str]], ...] = ()
    attachments: tuple[tuple[str, str, bytes], ...] = ()
    covers: tuple[tuple[str, bytes], ...] = ()
    notes: tuple[str, ...] = ()


def belongings_of(
    container: Any,
    video: Any,
    origin: Fraction,
    span: tuple[Fraction, Fraction | None],
    suffix: str,
    *,
    strip: Strip,
) -> Belongings:
    """Collect what belongs to a clip.

    Args:
        container: the opened file. Its covers are read, so its place is another one afterwards.
        video: the stream that is painted.
        origin: seconds of the file at which the clip begins.
        span: the part of the clip that is painted: begin, and end or None.
        suffix: of the result.
        strip: what is left out.
    """
    said = strip({name: value for name, value in container.metadata.items() if not value.startswith("Lavf")})
    picture = strip(video.metadata)
    picture = {name: value for name, value in stream_metadata(picture, suffix).items() if name != "creation_time"}
    timecode = _taken(picture, "timecode") or _taken(said, "timecode")
    if timecode is not None and (moved := later_timecode(timecode, span[0], video.average_rate)):
        picture["timecode"] = moved
    notes = [*_data_notes(container)]
    others = [s for s in container.streams.video if s.index != video.index and not int(s.disposition) & _COVER]
    if others:
        notes.append(f"{_count(others, 'other video track', 'other video tracks')} left out: one is painted")
    return Belongings(
        _kept(said),
        picture,
        int(video.disposition) & ~_COVER or 1,
        () if strip.metadata else tuple(_chapters(container.chapters(), origin + span[0], span)),
        tuple(
            (s.name or "attachment", s.mimetype or "application/octet-stream", s.data)
            for s in container.streams.attachments
            if s.data and not (strip.metadata and not _is_font(s))
        ),
        () if strip.metadata else tuple(_covers(container)),
        tuple(notes),
    )


_COVER = 1 << 10


def _is_font(attachment: Any) -> bool:
    return "font" in (attachment.mimetype or "") or (attachment.name or "").lower().endswith((".ttf", ".otf", ".ttc"))


def metadata_for(said: Mapping[str, str], made_with: Mapping[str, object], suffix: str) -> dict[str, str]:
    """A file's metadata: what its source says, and how it was made.

    Every container that we write keeps a comment, and few keep anything else. Where the source has one, how it was made
    goes to the description.
    """
    metadata = {name.lower() if name.lower() in _ITUNES else name: value for name, value in said.items()}
    names = {name.lower(): name for name in metadata}
    if suffix == ".avi" and "creation_time" in names and "date" not in names:
        metadata["date"] = metadata[names["creation_time"]]
    if made_with:
        mark = comment_text(made_with)
        free = next((name for name in _MARKS if name not in names and (suffix != ".avi" or name == "comment")), None)
        if free is not None:
            metadata[free] = mark
        else:
            metadata[names["comment"]] += f"\n{mark}"
    return metadata


def unusual(metadata: Mapping[str, str], suffix: str) -> list[str]:
    """The names for which an MP4 or MOV file needs a table of its own, in which it can hold no cover."""
    usual = {".mp4": _ITUNES, ".m4v": _ITUNES, ".mov": _QUICKTIME}.get(suffix, metadata.keys())
    return sorted(metadata.keys() - usual)


def stream_metadata(metadata: Mapping[str, str], suffix: str) -> dict[str, str]:
    """What stays of a sound's or subtitles' metadata: language, title."""
    kept = _kept(dict(metadata))
    handler = metadata.get("handler_name", "")
    if handler and "title" not in kept and not re.search(r"handler|gpac|media|l-smash|\x00", handler, re.IGNORECASE):
        kept["handler_name"] = handler
    if suffix in (".mp4", ".m4v", ".mov") and "language" in kept:
        language = kept["language"].split("-")[0]
        language = _LANGUAGES.get(language, language)
        kept["language"] = _QUICKTIME_LANGUAGES.get(language, language) if suffix == ".mov" else language
    return kept


_PAIRS = (
    "ar:ara cs:ces da:dan de:deu el:ell en:eng es:spa fi:fin fr:fra he:heb hi:hin hu:hun id:ind it:ita "
    "ja:jpn ko:kor nl:nld no:nor pl:pol pt:por ro:ron ru:rus sv:swe th:tha tr:tur uk:ukr vi:vie zh:zho"
)
_LANGUAGES = dict(pair.split(":") for pair in _PAIRS.split())
"""MP4 has room for three letters."""

_QUICKTIME_LANGUAGES = {
    "deu": "ger",
    "nld": "dut",
    "ell": "gre",
    "isl": "ice",
    "zho": "chi",
    "fre": "fra",
    "swe": "sve",
}
"""FFmpeg's names of QuickTime's numbered languages, where they differ from ISO 639-2's terms."""


def later_timecode(timecode: str, seconds: Fraction, rate: Fraction | None) -> str | None:
    """A SMPTE timecode so many seconds later; None where it cannot be counted.

    >>> later_timecode("01:00:00:00", Fraction(3, 2), Fraction(24))
    '01:00:01:12'
    >>> later_timecode("00:00:59;28", Fraction(1001, 30000) * 2, Fraction(30000, 1001))
    '00:01:00;02'
    """
    parts = re.fullmatch(r"(\d+):(\d+):(\d+)([:;.,])(\d+)", timecode.strip())
    if parts is None:
        return None
    if seconds == 0:
        return timecode.strip()
    if not rate:
        return None
    hours, minutes, whole, frame = (int(parts[i]) for i in (1, 2, 3, 5))
    nominal, dropped = round(rate), parts[4] in ";." and round(rate) % 30 == 0
    skip = nominal // 15 if dropped else 0  # numbers that each minute leaves out, but for every tenth
    total = (hours * 60 + minutes) * 60 * nominal + whole * nominal + frame
    total -= skip * (hours * 60 + minutes - (hours * 60 + minutes) // 10)
    total += round(seconds * rate)
    if dropped:
        tens, rest = divmod(total, 600 * nominal - 9 * skip)
        total += 9 * skip * tens + (skip * ((rest - skip) // (60 * nominal - skip)) if rest > skip else 0)
    clock, frame = divmod(total, nominal)
    return f"{clock // 3600 % 24:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}{parts[4]}{frame:02d}"


def _kept(metadata: Mapping[str, str]) -> dict[str, str]:
    if "name" in metadata and "title" not in metadata:  # what FFmpeg calls the title of an MP4 file's track
        metadata = {"title" if name == "name" else name: value for name, value in metadata.items()}
    return {
        name: value.replace("\0", "")
        for name, value in metadata.items()
        if value.strip("\0 ") and (name, value) != ("language", "und") and not _OF_THE_FILE.fullmatch(name)
    }


def _taken(metadata: dict[str, str], name: str) -> str | None:
    """Take out an entry, however its name is written."""
    return next((metadata.pop(key) for key in list(metadata) if key.lower() == name), None)


def _chapters(
    chapters: Iterable[Mapping[str, Any]], begin: Fraction, span: tuple[Fraction, Fraction | None]
) -> Iterable[tuple[Fraction, Fraction, Mapping[str, str]]]:
    length = None if span[1] is None else span[1] - span[0]
    for chapter in chapters:
        start = chapter["start"] * chapter["time_base"] - begin
        end = max(start, chapter["end"] * chapter["time_base"] - begin)
        if (end <= 0 and span[0] > 0) or (length is not None and start >= length):
            continue
        end = end if length is None else min(end, length)
        start = max(start, Fraction(0)) if span[0] else start  # sound may lie before a whole clip's first picture
        yield start, end, dict(chapter.get("metadata", {}))


def _covers(container: Any) -> Iterable[tuple[str, bytes]]:
    covers = [stream for stream in container.streams.video if int(stream.disposition) & _COVER]
    seen = set()
    if covers:
        for packet in container.demux(covers):  # they come first
            if packet.size and packet.stream_index not in seen:
                seen.add(packet.stream_index)
                yield packet.stream.codec_context.name, bytes(packet)
            if len(seen) == len(covers):
                return


def _data_notes(container: Any) -> Iterable[str]:
    """Tracks of measurements, such as a camera's; those of chapters and timecodes come along in another way."""
    names = []
    for stream in container.streams.data:
        handler = stream.metadata.get("handler_name", "")
        chapters = stream.name == "bin_data" and container.chapters()
        if not chapters and "timecode" not in stream.metadata and "TimeCode" not in handler:
            names.append(handler.strip("\0 \t\x0b") or stream.name or "unknown")
    if names:
        yield f"{_count(names, 'track of data', 'tracks of data')} left out ({', '.join(dict.fromkeys(names))[:80]})"


def _count(things: list[Any], one: str, more: str) -> str:
    return f"1 {one} is" if len(things) == 1 else f"{len(things)} {more} are"


def mime_type(codec: str) -> tuple[str, str]:
    """The ending and the MIME type of a cover's codec."""
    return {"mjpeg": (".jpg", "image/jpeg"), "png": (".png", "image/png"), "webp": (".webp", "image/webp")}.get(
        codec, (f".{codec}", f"image/{codec}")
    )


def cover_name(codec: str, index: int) -> str:
    return f"cover{index or ''}{mime_type(codec)[0]}"


def has_covers(suffix: str) -> bool:
    """Whether a container has a place for a cover."""
    return suffix in (".mp4", ".m4v", ".mkv")


def not_held(belongings: Belongings, suffix: str) -> list[str]:
    """What a container has no place for."""
    notes = []
    if belongings.attachments and suffix != ".mkv":
        notes.append(f"its attachments, such as fonts, cannot go into {suffix} and are left out")
    if belongings.covers and not has_covers(suffix):
        notes.append(f"its cover cannot go into {suffix} and is left out")
    names = unusual(metadata_for(belongings.said, {}, suffix), suffix)
    if names and belongings.covers and has_covers(suffix):
        notes.append(f"what it says as {', '.join(names)[:80]} cannot go into {suffix} with a cover: left out")
    if belongings.chapters and suffix == ".avi":
        notes.append("its chapters cannot go into .avi and are left out")
    return notes

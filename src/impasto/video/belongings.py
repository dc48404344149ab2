"""Contents of a video file besides pictures and sound: titles, dates, chapters, covers, fonts."""

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
"""Metadata on the old file's bytes, which no longer apply, or duplicates."""

_PLACE = re.compile(
    r"location|gps|geo|xyz$|latitude|longitude|altitude|loci|coordinates|place|recorded_at", re.IGNORECASE
)

_ITUNES = {
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping"),
    *("lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "track", "disc"),
    *("location", "creation_time", "timecode"),
}
"""Names with a standard place in MP4 files. Other names need a table that fewer programs read."""

_QUICKTIME = {
    *("title", "artist", "author", "album", "date", "comment", "genre", "copyright", "make", "model", "location"),
    *("creation_time", "timecode"),
}
"""The same for MOV files."""

_MARKS = ("comment", "description", "synopsis")


@dataclass(frozen=True)
class Strip:
    """Remove private data from metadata.

    Attributes:
        location: remove the place of recording.
        metadata: remove everything that players do not need. They need languages of tracks and fonts of subtitles.
    """

    location: bool = False
    metadata: bool = False

    def __call__(self, said: Mapping[str, str]) -> dict[str, str]:
        """Return the metadata that remain."""
        if self.metadata:
            return {name: value for name, value in said.items() if name.lower() == "language"}
        return {name: value for name, value in said.items() if not (self.location and _PLACE.search(name))}


@dataclass(frozen=True)
class Belongings:
    """Contents of a clip besides pictures and sound.

    Attributes:
        said: the file's metadata, such as its title and its date.
        picture: metadata of the picture stream, such as its language.
        chapters: in PyAV's form, in seconds of the painted part: (start, end, metadata).
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
    """Collect the contents of a clip besides pictures and sound.

    Args:
        container: the opened file. Reading its covers moves its position.
        video: the stream that is painted.
        origin: the time in the file at which the clip begins, in seconds.
        span: the painted part of the clip: begin, and end or None.
        suffix: of the result.
        strip: the metadata to remove.
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
        notes.append(f"{_count(others, 'other video track', 'other video tracks')} left out: only one is painted")
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
    """Return a file's metadata: those of the source, and how the result was made.

    Every container that Impasto writes stores a comment, and few store more. If the source has a comment, the
    description tells how the result was made.
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
    """Return the names for which an MP4 or MOV file needs its own table. Files with that table cannot have a cover."""
    usual = {".mp4": _ITUNES, ".m4v": _ITUNES, ".mov": _QUICKTIME}.get(suffix, metadata.keys())
    return sorted(metadata.keys() - usual)


def stream_metadata(metadata: Mapping[str, str], suffix: str) -> dict[str, str]:
    """Return the metadata of a sound or subtitle stream that are kept: language, title."""
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
"""MP4 stores three letters."""

_QUICKTIME_LANGUAGES = {
    "deu": "ger",
    "nld": "dut",
    "ell": "gre",
    "isl": "ice",
    "zho": "chi",
    "fre": "fra",
    "swe": "sve",
}
"""FFmpeg's names of QuickTime's numbered languages, where they differ from the ISO 639-2 terms."""


def later_timecode(timecode: str, seconds: Fraction, rate: Fraction | None) -> str | None:
    """Move a SMPTE timecode by some seconds. Return None if it cannot be parsed.

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
    skip = nominal // 15 if dropped else 0  # numbers skipped in each minute, except in every tenth
    total = (hours * 60 + minutes) * 60 * nominal + whole * nominal + frame
    total -= skip * (hours * 60 + minutes - (hours * 60 + minutes) // 10)
    total += round(seconds * rate)
    if dropped:
        tens, rest = divmod(total, 600 * nominal - 9 * skip)
        total += 9 * skip * tens + (skip * ((rest - skip) // (60 * nominal - skip)) if rest > skip else 0)
    clock, frame = divmod(total, nominal)
    return f"{clock // 3600 % 24:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}{parts[4]}{frame:02d}"


def _kept(metadata: Mapping[str, str]) -> dict[str, str]:
    if "name" in metadata and "title" not in metadata:  # FFmpeg's key for the title of an MP4 track
        metadata = {"title" if name == "name" else name: value for name, value in metadata.items()}
    return {
        name: value.replace("\0", "")
        for name, value in metadata.items()
        if value.strip("\0 ") and (name, value) != ("language", "und") and not _OF_THE_FILE.fullmatch(name)
    }


def _taken(metadata: dict[str, str], name: str) -> str | None:
    """Remove an entry, whatever its case, and return its value."""
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
        start = max(start, Fraction(0)) if span[0] else start  # a whole clip's sound may begin before its pictures
        yield start, end, dict(chapter.get("metadata", {}))


def _covers(container: Any) -> Iterable[tuple[str, bytes]]:
    covers = [stream for stream in container.streams.video if int(stream.disposition) & _COVER]
    seen = set()
    if covers:
        for packet in container.demux(covers):  # covers come first in a file
            if packet.size and packet.stream_index not in seen:
                seen.add(packet.stream_index)
                yield packet.stream.codec_context.name, bytes(packet)
            if len(seen) == len(covers):
                return


def _data_notes(container: Any) -> Iterable[str]:
    """Note data tracks, such as a camera's measurements, which are left out. Chapters and timecodes are kept."""
    names = []
    for stream in container.streams.data:
        handler = stream.metadata.get("handler_name", "")
        chapters = stream.name == "bin_data" and container.chapters()
        if not chapters and "timecode" not in stream.metadata and "TimeCode" not in handler:
            names.append(handler.strip("\0 \t\x0b") or stream.name or "unknown")
    if names:
        yield f"{_count(names, 'data track', 'data tracks')} left out ({', '.join(dict.fromkeys(names))[:80]})"


def _count(things: list[Any], one: str, more: str) -> str:
    return f"1 {one} is" if len(things) == 1 else f"{len(things)} {more} are"


def mime_type(codec: str) -> tuple[str, str]:
    """Return the file ending and the MIME type of a cover's codec."""
    return {"mjpeg": (".jpg", "image/jpeg"), "png": (".png", "image/png"), "webp": (".webp", "image/webp")}.get(
        codec, (f".{codec}", f"image/{codec}")
    )


def cover_name(codec: str, index: int) -> str:
    return f"cover{index or ''}{mime_type(codec)[0]}"


def has_covers(suffix: str) -> bool:
    """Return True if a container can store a cover."""
    return suffix in (".mp4", ".m4v", ".mkv")


def not_held(belongings: Belongings, suffix: str) -> list[str]:
    """Return notes on contents that a container cannot store."""
    notes = []
    if belongings.attachments and suffix != ".mkv":
        notes.append(f"its attachments, such as fonts, cannot be stored in {suffix} and are left out")
    if belongings.covers and not has_covers(suffix):
        notes.append(f"its cover cannot be stored in {suffix} and is left out")
    names = unusual(metadata_for(belongings.said, {}, suffix), suffix)
    if names and belongings.covers and has_covers(suffix):
        notes.append(f"its metadata {', '.join(names)[:80]} cannot be stored in {suffix} with a cover: left out")
    if belongings.chapters and suffix == ".avi":
        notes.append("its chapters cannot be stored in .avi and are left out")
    return notes

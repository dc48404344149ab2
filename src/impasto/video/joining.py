"""Join a clip's file: painted pictures, sound, subtitles, and the rest of its contents."""

from __future__ import annotations

import contextlib
import heapq
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.video.belongings import Belongings, cover_name, has_covers, metadata_for, mime_type, unusual
from impasto.video.containers import ffmpeg, file_url
from impasto.video.encoding import Encoding
from impasto.video.streams import FORMATS, PRIMING, Side, is_gap

_HAIR = Fraction(1, 2000)  # seconds: rounding of times in containers
_PROBED = 3  # packets of each stream in a test file


@dataclass(frozen=True)
class Piece:
    """Encoded pictures in a file of their own.

    Attributes:
        begun: time of its first picture in the result, in seconds.
        last: seconds from its first picture to its last, and the duration of the last; None: as in its file.
    """

    path: Path
    begun: Fraction = Fraction(0)
    last: tuple[Fraction, Fraction] | None = None


@dataclass
class Company:
    """Contents of the result besides the pictures.

    Attributes:
        made_with: the painting's entry in the metadata; empty: no entry.
    """

    belongings: Belongings = field(default_factory=Belongings)
    sides: list[Side] = field(default_factory=list)
    made_with: Mapping[str, object] = field(default_factory=dict)

    @property
    def lead(self) -> Fraction:
        """Seconds of sound before the first picture."""
        earliest = min((side.begun for side in self.sides if side.begun is not None), default=Fraction(0))
        return -earliest if earliest < -PRIMING else Fraction(0)

    def remove_files(self) -> None:
        for side in self.sides:
            side.path.unlink(missing_ok=True)


def join(
    target: Path,
    pieces: Sequence[Piece],
    encoding: Encoding,
    company: Company,
    *,
    length: Fraction | None = None,
    probe: bool = False,
) -> None:
    """Write the whole file, packet by packet, without encoding.

    Args:
        target: is replaced.
        encoding: of the pieces.
        length: seconds after which sound and subtitles end; None: they end by themselves.
        probe: write only the first packets.
    Raises:
        av.FFmpegError, OSError, ValueError: the container cannot store this, or the system refuses to write.
    """
    av = ffmpeg()
    suffix = target.suffix.lower()
    belongings = company.belongings
    metadata = metadata_for(belongings.said, company.made_with, suffix)
    with contextlib.ExitStack() as files:
        options = {"movflags": "use_metadata_tags"} if unusual(metadata, suffix) and not belongings.covers else {}
        out = av.open(file_url(target), "w", format=FORMATS.get(suffix), container_options=options)
        files.callback(out.close)
        first = files.enter_context(av.open(file_url(pieces[0].path)))
        video = _video_stream(out, first.streams.video[0], encoding, belongings)
        lead = company.lead
        tracks = [_pictures(pieces, video, lead, 1 / encoding.rate, suffix in (".mp4", ".m4v", ".mov"))]
        for side in company.sides:
            source = files.enter_context(av.open(file_url(side.path), metadata_errors="replace"))
            tracks.append(_side_packets(source, side, _side_stream(out, source.streams[0], side), lead, length))
        if has_covers(suffix):
            tracks += _covers(out, belongings, suffix)
        out.metadata.update(metadata)
        if belongings.chapters:
            out.set_chapters(_chapters(belongings, lead))
        limits = [_first(track, _PROBED) if probe else track for track in tracks]
        for _, packet, stream in heapq.merge(*limits, key=lambda item: item[0]):
            packet.stream = stream
            out.mux(packet)
        files.pop_all().close()


def _video_stream(out: Any, template: Any, encoding: Encoding, belongings: Belongings) -> Any:
    from av.bitstream import BitStreamFilterContext

    context, base = template.codec_context, template.time_base
    if fills_mux_streams():
        size = {"width": context.width, "height": context.height}
        stream = out.add_mux_stream(context.codec.name, rate=encoding.rate, time_base=base, **size)
    else:  # this leaves out the frame rate, without which MP4 and MOV get no timecode
        if "timecode" in belongings.picture:
            warnings.warn("the timecode is left out: it needs PyAV 18.1, and so Python 3.11", stacklevel=2)
        stream = out.add_stream_from_template(template, opaque=True, time_base=base)
    BitStreamFilterContext("null", in_stream=template, out_stream=stream)  # copies all parameters of the codec
    stream.metadata.update({**belongings.picture, **encoding.said_of_stream})
    stream.disposition = belongings.disposition
    if encoding.steady:
        stream.time_base = 1 / encoding.rate
    return stream


def fills_mux_streams() -> bool:
    """Return True if PyAV copies a codec's parameters to a stream without a codec context. Before 18.1, it crashes."""
    import av

    return tuple(map(int, av.__version__.split(".")[:2])) >= (18, 1)


def _side_stream(out: Any, template: Any, side: Side) -> Any:
    stream = out.add_stream_from_template(template)
    stream.metadata.update(side.metadata)
    stream.disposition = side.disposition
    return stream


def _pictures(
    pieces: Iterable[Piece], stream: Any, lead: Fraction, usual: Fraction, by_decoding: bool
) -> Iterator[tuple[Fraction, Any, Any]]:
    """Yield the packets of the pictures, with their times of decoding.

    Args:
        usual: seconds for which a picture is shown whose packet does not say it.
        by_decoding: the container stores durations of decoding, as MP4 does, and not the end of pictures.
    """
    av = ffmpeg()
    last, begun = None, (0, 0)
    for piece in pieces:
        with av.open(file_url(piece.path)) as source:
            shift, first, whole = None, 0, 0
            for packet in source.demux(video=0):
                if not packet.size:
                    continue
                shown, decoded = _times(packet, piece.path.suffix)
                first = shown if shift is None else first
                if shift is None:
                    shift = (
                        round((piece.begun + lead) / packet.time_base) - shown
                    )  # a piece's first packet is its first picture
                packet.pts = shown + shift
                packet.dts = min(decoded + shift, packet.pts)
                if last is not None:
                    packet.dts = min(max(packet.dts, last + 1), packet.pts)
                if last is None:
                    begun = packet.pts, packet.dts
                last = packet.dts
                if piece.last is not None and abs((shown - first) * packet.time_base - piece.last[0]) < _HAIR:
                    packet.duration = round(piece.last[1] / packet.time_base)
                    whole = packet.pts + packet.duration - begun[0]
                if by_decoding and whole:  # the last packet may differ from the packet of the last picture
                    packet.duration = whole - (packet.dts - begun[1])
                if (packet.duration or 0) <= 0:
                    packet.duration = round(usual / packet.time_base)
                yield packet.dts * packet.time_base, packet, stream


def _times(packet: Any, suffix: str) -> tuple[int, int]:
    """Return when a piece's packet is shown and decoded. Only MP4 and MOV store both; elsewhere both are equal."""
    if suffix in (".mp4", ".mov"):
        return packet.pts, packet.pts if packet.dts is None else packet.dts
    at = packet.dts if packet.pts is None or (suffix == ".avi" and packet.dts is not None) else packet.pts
    return at, at


def _side_packets(
    source: Any, side: Side, stream: Any, lead: Fraction, length: Fraction | None
) -> Iterator[tuple[Fraction, Any, Any]]:
    shift = last = None
    for packet in source.demux(source.streams[0]):
        if not packet.size or is_gap(packet, source.streams[0]):
            continue
        at = packet.dts if packet.pts is None else packet.pts
        if at is None:
            at = 0 if last is None else last + 1
        if shift is None:
            shift = round(((side.begun or 0) + lead) / packet.time_base) - at
        at += shift
        last = packet.pts = packet.dts = at if last is None else max(at, last + 1)
        if length is not None and at * packet.time_base >= length + lead:
            return
        yield at * packet.time_base, packet, stream


def _covers(out: Any, belongings: Belongings, suffix: str) -> list[Iterator[tuple[Fraction, Any, Any]]]:
    """Add covers, and attachments such as fonts if the container can store them."""
    av = ffmpeg()
    tracks = []
    for index, (codec, data) in enumerate(belongings.covers):
        if suffix == ".mkv":
            out.add_attachment(cover_name(codec, index), mime_type(codec)[1], data)
            continue
        stream = out.add_mux_stream(codec, width=64, height=64, time_base=Fraction(1, 90_000))
        stream.disposition = 1 << 10
        packet = av.Packet(data)
        packet.time_base, packet.pts, packet.dts = Fraction(1, 90_000), 0, 0
        tracks.append(iter([(Fraction(0), packet, stream)]))
    if suffix == ".mkv":
        for name, mime, data in belongings.attachments:
            out.add_attachment(name, mime, data)
    return tracks


def _chapters(belongings: Belongings, lead: Fraction) -> list[dict[str, object]]:
    base = Fraction(1, 1000)
    times = [
        (max(0, round((start + lead) / base)), round((end + lead) / base)) for start, end, _ in belongings.chapters
    ]
    return [
        {"id": number, "start": start, "end": max(start, end), "time_base": base, "metadata": dict(metadata)}
        for number, ((start, end), (_, _, metadata)) in enumerate(zip(times, belongings.chapters, strict=True), 1)
    ]


def _first(track: Iterator[Any], count: int) -> Iterator[Any]:
    for _, item in zip(range(count), track, strict=False):
        yield item

"""Copy or convert sound and subtitles, each into a file of its own, before a frame is painted.

Problems are found at this point. If the source disappears later, the copies remain.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.errors import PictureError, write_fault
from impasto.system.files import part_name
from impasto.video.belongings import Strip, stream_metadata
from impasto.video.containers import ffmpeg, file_url, first_line, packets_of
from impasto.video.times import PacketTimes

FORMATS = {".m4v": "mp4"}
"""FFmpeg's format for endings whose default format stores less."""

_COPIED = {  # by ending: codecs that common players support; other endings: all that FFmpeg can write
    ".mp4": {"aac", "mp3", "mp2", "ac3", "eac3", "dts", "alac", "flac", "opus", "mov_text"},
    ".m4v": {"aac", "mp3", "ac3", "eac3", "alac", "mov_text"},
    ".webm": {"opus", "vorbis", "webvtt"},
    ".avi": {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "mp3"},
}
_NOT_COPIED = {".mov": {"opus", "flac", "vorbis", "truehd", "dts", "mp2", "dvd_subtitle"}}
_SOUND = {".mp4": "aac", ".m4v": "aac", ".mov": "aac", ".mkv": "aac", ".webm": "libopus", ".avi": "pcm_s16le"}
_TEXT = {".mp4": "mov_text", ".m4v": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}
_READABLE = {"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "microdvd", "sami", "subviewer", "stl"}
_LAYOUTS = {1: "mono", 2: "stereo", 3: "5.1", 4: "5.1", 5: "5.1", 6: "5.1", 7: "7.1", 8: "7.1"}
PRIMING = Fraction(3, 20)
"""Seconds. An encoder's initial silence is always shorter, even that of AAC at 8 kHz."""

_BEYOND = Fraction(10)  # seconds after the part; its packets are never stored later than this
_LATE = Fraction(1, 25)  # seconds; AVI cannot store that a sound begins after the pictures


@dataclass
class Side:
    """Sound or subtitles in a file of its own.

    Attributes:
        path: a file of the target's format.
        begun: time of its first packet in the clip, in seconds.
        metadata, disposition: of its stream.
        label: its name in notes.
    """

    path: Path
    label: str
    begun: Fraction | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    disposition: int = 0


def side_files(
    container: Any,
    target: Path,
    origin: Fraction,
    span: tuple[Fraction, Fraction | None],
    notes: list[str],
    *,
    strip: Strip,
) -> list[Side]:
    """Write each sound track and each subtitle track of a clip into a file beside the target.

    Args:
        container: opens the clip. It is called for each reading.
        origin: the time in the file at which the clip begins, in seconds.
        span: the painted part: begin, and end or None.
        notes: receives a line for everything that is converted, damaged or left out.
        strip: the metadata to remove.
    """
    with container() as source:
        found = [_Plan.of(stream, target) for stream in (*source.streams.audio, *source.streams.subtitles)]
    waiting = {plan.index: plan for plan in found if plan.encoder is not None}
    try:
        while waiting:
            waiting = {plan.index: plan for plan in _written(container, waiting, target, origin, span, strip)}
    except BaseException:
        for plan in found:
            plan.discard()
        raise
    notes += [line for plan in found if (line := plan.note())]
    return [plan.side for plan in found if plan.side is not None]


@dataclass
class _Plan:
    """What to do with a stream.

    Attributes:
        encoder: "copy"; FFmpeg's encoder; or None: leave it out.
        why: the reason why it is not copied, or left out.
    """

    index: int
    label: str
    codec: str
    encoder: str | None
    converter: str | None
    why: str = ""
    damaged: str = ""
    side: Side | None = None

    @classmethod
    def of(cls, stream: Any, target: Path) -> _Plan:
        suffix = target.suffix.lower()
        context = stream.codec_context
        codec = "unknown" if context is None else context.codec.canonical_name
        kind = "sound" if stream.type == "audio" else "subtitles"
        about = ", ".join(text for text in (f"track {stream.index}", codec, stream.metadata.get("language")) if text)
        converter = None
        if context is not None:
            converter = _SOUND.get(suffix) if kind == "sound" else _TEXT.get(suffix) if codec in _READABLE else None
        copied = codec in _COPIED.get(suffix, {codec}) - _NOT_COPIED.get(suffix, set())
        plan = cls(stream.index, f"{kind} ({about})", codec, "copy", converter)
        return plan if copied and context is not None else plan.next(f"{suffix} does not support {codec}")

    def next(self, why: str) -> _Plan:
        """Switch to the next possibility."""
        self.discard()
        self.why = self.why or why
        self.encoder = self.converter if self.encoder == "copy" else None
        return self

    def discard(self) -> None:
        if self.side is not None:
            self.side.path.unlink(missing_ok=True)
            self.side = None

    def note(self) -> str:
        verb = "are" if self.label.startswith("subtitles") else "is"
        if self.side is None:
            return f"the {self.label} {verb} left out: {self.why}"
        lines = []
        if self.encoder != "copy":
            lines.append(f"the {self.label} {verb} converted to {self.encoder.removeprefix('lib')}: {self.why}")  # type: ignore[union-attr]
        if self.damaged:
            lines.append(f"the {self.label} {verb} damaged: {self.damaged}; the readable part is kept")
        return "; ".join(lines)


def _written(
    opened: Any,
    plans: dict[int, _Plan],
    target: Path,
    origin: Fraction,
    span: tuple[Fraction, Fraction | None],
    strip: Strip,
) -> list[_Plan]:
    """Read the clip once and write these streams. Return failed streams for which another way remains."""
    av = ffmpeg()
    failed: list[_Plan] = []
    suffix = target.suffix.lower()
    with opened() as source:
        tracks: dict[int, _Track] = {}

        def fails(index: int, error: BaseException) -> None:
            track = tracks.pop(index, None)
            if track is not None:
                track.discard()
            if write_fault(error) == "disk-full":
                raise cannot_write(target, error) from error
            failed.append(plans[index].next(first_line(error)))

        for index, plan in plans.items():
            stream = source.streams[index]
            path = target.with_name(part_name(target.stem, f".{index}{target.suffix}"))
            plan.side = Side(path, plan.label, None, stream_metadata(strip(stream.metadata), suffix))
            plan.side.disposition = int(stream.disposition)
            try:
                tracks[index] = _TRACKS[plan.encoder == "copy", stream.type](stream, plan)
            except faults() as error:
                fails(index, error)
        clocks = {index: _Clock(origin + span[0], span) for index in tracks}
        begun = list(tracks)
        for packet in packets_of(source, *(source.streams[index] for index in begun)) if begun else ():
            if isinstance(packet, Exception):
                for index in begun:
                    plans[index].damaged = first_line(packet)
                continue
            index = packet.stream_index
            if index not in tracks or not packet.size or packet.is_corrupt or is_gap(packet, packet.stream):
                continue
            placed = clocks[index].placed(packet, subtitle=packet.stream.type == "subtitle")
            if placed is None:
                if clocks[index].beyond > _BEYOND or all(clock.beyond >= 0 for clock in clocks.values()):
                    break
                continue
            try:
                tracks[index].add(packet, *placed)
            except faults() as error:
                fails(index, error)
        for index, track in list(tracks.items()):
            try:
                track.close()
                if plans[index].side.begun is None:  # type: ignore[union-attr]
                    raise av.InvalidDataError(0, "it has no content in this part")
            except faults() as error:
                fails(index, error)
    return [plan for plan in failed if plan.encoder is not None]


@dataclass
class _Clock:
    """Place packets in the painted part, with increasing times, whatever times the source has.

    Attributes:
        begin: the time in the file at which the part begins, in seconds.
        beyond: how many seconds after the end the last packet was; -1 if no packet was after it.
    """

    begin: Fraction
    span: tuple[Fraction, Fraction | None]
    beyond: Fraction = Fraction(-1)
    _times: PacketTimes = field(default_factory=lambda: PacketTimes(Fraction(1, 40)))
    _last: Fraction | None = None

    def placed(self, packet: Any, *, subtitle: bool) -> tuple[Fraction, Fraction] | None:
        """Return time and length of a packet in seconds; None if it lies outside."""
        if not packet.time_base:
            return None
        if not subtitle:  # subtitles are sparse and may overlap
            self._times.mend(packet)
        ticks = packet.dts if packet.pts is None else packet.pts
        length = Fraction((packet.duration or 0) * packet.time_base)
        if ticks is None:
            if self._last is None and subtitle:
                return None
            at = Fraction(0) if self._last is None else self._last
        else:
            at = ticks * packet.time_base - self.begin
        if packet.is_discard and not (at >= -PRIMING and (self._last is None or self._last < 0)):
            return None  # an edit list hides it, and the first sound does not need it as a pre-roll
        if self.span[1] is not None and at >= self.span[1] - self.span[0]:
            self.beyond = at - self.span[1] + self.span[0]
            return None
        if subtitle and at < 0 and self.span[0]:
            at, length = Fraction(0), at + length
            if length <= 0:
                return None
        if at < 0 and self.span[0]:  # sound before a whole clip's first picture stays
            return None
        if subtitle and self.span[1] is not None:
            length = min(length, self.span[1] - self.span[0] - at)
        if self._last is not None:
            at = max(at, self._last)
        self._last = at
        return at, length


class _Track(ABC):
    """A stream on its way into a file of its own."""

    def __init__(self, stream: Any, plan: _Plan) -> None:
        assert plan.side is not None
        self.source, self.plan, self.side = stream, plan, plan.side
        suffix = self.side.path.suffix.lower()
        self.file = ffmpeg().open(file_url(self.side.path), "w", format=FORMATS.get(suffix))
        self._last: int | None = None
        self._shift = 0

    @abstractmethod
    def add(self, packet: Any, at: Fraction, length: Fraction) -> None:
        """Write a packet of the source, converted if needed. `at` and `length` are its time and length in seconds."""

    def put(self, packet: Any, stream: Any, at: Fraction) -> None:
        """Write a packet with strictly increasing times."""
        ticks = round(at / packet.time_base)
        if self.side.begun is None:
            self.side.begun = Fraction(ticks * packet.time_base)
            self._shift = -ticks if self.side.begun < -PRIMING else 0  # MP4 files drop what is shown before 0
        ticks += self._shift
        ticks = ticks if self._last is None else max(ticks, self._last + 1)
        self._last = packet.pts = packet.dts = ticks
        packet.stream = stream
        self.file.mux(packet)

    def close(self) -> None:
        self.file.close()

    def discard(self) -> None:
        with contextlib.suppress(Exception):
            self.file.close()
        self.side.path.unlink(missing_ok=True)


class _Copied(_Track):
    def __init__(self, stream: Any, plan: _Plan) -> None:
        super().__init__(stream, plan)
        self.stream = self.file.add_stream_from_template(stream)

    def add(self, packet: Any, at: Fraction, length: Fraction) -> None:
        if self.side.begun is None and abs(at) > _LATE and self.side.path.suffix.lower() == ".avi":
            raise ValueError(f".avi cannot store that it begins at {float(at):.2f} s")
        if self.source.type == "subtitle":
            packet.duration = round(length / packet.time_base)
        self.put(packet, self.stream, at)


class _ConvertedSound(_Track):
    """Decode sound, fill silences, convert it to a format that the encoder supports, and encode it."""

    def __init__(self, stream: Any, plan: _Plan) -> None:
        super().__init__(stream, plan)
        decoder = stream.codec_context
        codec = ffmpeg().Codec(plan.encoder, "w")
        rates = codec.audio_rates or [decoder.sample_rate or 48_000]
        self.rate = decoder.sample_rate if decoder.sample_rate in rates else 48_000
        self.layout = _LAYOUTS.get(decoder.channels, "stereo")
        self.stream = self.file.add_stream(plan.encoder, rate=self.rate, layout=self.layout)
        self.stream.codec_context.time_base = Fraction(1, self.rate)
        if not plan.encoder.startswith("pcm"):  # type: ignore[union-attr]
            self.stream.bit_rate = min(96_000, 3 * self.rate) * (1 if decoder.channels == 1 else _channels(self.layout))
        self._graph: Any = None
        self._base, self._end = stream.time_base, Fraction(0)  # of the last frame, in seconds
        self._form: tuple[Any, ...] = ()

    def add(self, packet: Any, at: Fraction, length: Fraction) -> None:  # noqa: ARG002  subtitles' packets need it
        av = ffmpeg()
        packet.pts = packet.dts = round(at / packet.time_base)
        try:
            frames = packet.decode()
        except (av.FFmpegError, ValueError) as error:
            self.plan.damaged = first_line(error)
            return
        for frame in frames:
            self._encode(frame)

    def close(self) -> None:
        with contextlib.suppress(ffmpeg().FFmpegError, ValueError):
            for frame in self.source.codec_context.decode(None):
                self._encode(frame)
        self._drain(end=True)
        self._mux(None)
        super().close()

    def _encode(self, frame: Any) -> None:
        if frame.pts is None:  # a decoder's last frames have no time
            frame.time_base, frame.pts = self._base, round(self._end / self._base)
        self._base = frame.time_base
        self._end = frame.pts * self._base + Fraction(frame.samples, frame.sample_rate)
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            self._drain(end=True)
            self._graph = self._new_graph(frame, begins=not self._form)
            self._form = form
        self._graph.push(frame)
        self._drain(end=False)

    def _new_graph(self, frame: Any, *, begins: bool) -> Any:
        """Make a filter that converts frames of one format for the encoder. It fills gaps and cuts overlaps."""
        graph = ffmpeg().filter.Graph()
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=frame.time_base,
        )
        early = 0 if self.side.path.suffix == ".avi" else min(0, frame.time or 0)
        start = f":first_pts={round(early * self.rate)}" if begins else ""
        nodes = [
            source,
            graph.add("aresample", f"{self.rate}:async=1:min_hard_comp=0.05{start}"),
            graph.add(
                "aformat",
                f"sample_fmts={self.stream.format.name}:sample_rates={self.rate}:channel_layouts={self.layout}",
            ),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*nodes).configure()
        return graph

    def _drain(self, *, end: bool) -> None:
        av = ffmpeg()
        if self._graph is None:
            return
        if end:
            self._graph.push(None)
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            self._mux(frame)

    def _mux(self, frame: Any) -> None:
        for packet in self.stream.encode(frame):
            self.put(packet, self.stream, packet.pts * packet.time_base)


class _ConvertedText(_Track):
    """Decode subtitles to text, and encode the text."""

    def __init__(self, stream: Any, plan: _Plan) -> None:
        super().__init__(stream, plan)
        decoder = stream.codec_context
        decoder.open(strict=False)
        self.stream = self.file.add_stream(plan.encoder)
        self.stream.codec_context.subtitle_header = decoder.subtitle_header
        self.stream.codec_context.time_base = self.stream.time_base = Fraction(1, 1000)

    def add(self, packet: Any, at: Fraction, length: Fraction) -> None:
        av = ffmpeg()
        base = packet.time_base
        try:
            shown = self.source.codec_context.decode2(packet)
        except (av.FFmpegError, ValueError) as error:
            self.plan.damaged = first_line(error)
            return
        if shown is None or not any(getattr(rect, "ass", b"") for rect in shown):
            return
        encoded = self.stream.codec_context.encode_subtitle(shown)
        if not encoded.size:
            return
        encoded.time_base = base
        encoded.duration = round(length / base)
        self.put(encoded, self.stream, at)


_TRACKS: dict[tuple[bool, str], Callable[[Any, _Plan], _Track]] = {
    (True, "audio"): _Copied,
    (True, "subtitle"): _Copied,
    (False, "audio"): _ConvertedSound,
    (False, "subtitle"): _ConvertedText,
}


def is_gap(packet: Any, stream: Any) -> bool:
    """Return True if a packet is the filler that an MP4 file stores between two subtitles."""
    return packet.size == 2 and stream.type == "subtitle" and stream.name == "mov_text" and bytes(packet) == b"\0\0"


def faults() -> tuple[type[Exception], ...]:
    """Return the errors of FFmpeg and PyAV for streams that cannot be read, converted or stored."""
    return (ffmpeg().FFmpegError, ValueError, OSError, RuntimeError, TypeError, AttributeError)


def cannot_write(path: Path, error: BaseException) -> PictureError:
    return PictureError(
        f"cannot write {path}: {first_line(error)}", "existing files are unchanged", code=write_fault(error)
    )


def _channels(layout: str) -> int:
    return {"mono": 1, "stereo": 2, "5.1": 6, "7.1": 8}[layout]

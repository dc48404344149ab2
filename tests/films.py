"""Clips with all that belongs to one: sounds, subtitles, chapters, covers, titles."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

_TEXT = b"1\n00:00:00,100 --> 00:00:00,600\nHello <i>you</i>\n\n2\n00:00:00,700 --> 00:00:01,500\nBye \xc3\xa4\n\n"


@dataclass(frozen=True)
class Sound:
    """A tone of 440 Hz; `start` and `seconds` say where it lies."""

    codec: str = "aac"
    rate: int = 48_000
    layout: str = "stereo"
    start: float = 0
    seconds: float | None = None
    said: Mapping[str, str] = field(default_factory=dict)
    disposition: int = 0


@dataclass(frozen=True)
class Subtitles:
    """Two lines of text: from 0.1 to 0.6 s and from 0.7 to 1.5 s."""

    codec: str = "subrip"
    said: Mapping[str, str] = field(default_factory=dict)
    disposition: int = 0


def film(
    path: Path,
    count: int = 24,
    *,
    rate: int = 24,
    codec: str = "libx264",
    times: Sequence[Fraction] | None = None,
    begun: Fraction | None = None,
    sounds: Sequence[Sound] = (),
    subtitles: Sequence[Subtitles] = (),
    chapters: Sequence[tuple[float, float, str]] = (),
    said: Mapping[str, str] | None = None,
    of_picture: Mapping[str, str] | None = None,
    cover: bool = False,
    font: bytes = b"",
    options: Mapping[str, str] | None = None,
    aspect: Fraction | None = None,
    encoder: Mapping[str, str] | None = None,
) -> Path:
    """Write a clip of 64 x 48 pixels.

    Args:
        times: of the frames, in seconds; None, `rate` a second.
        begun: seconds at which the first frame is shown.
        chapters: start, end, title.
        said, of_picture: metadata of the file and of its pictures' stream.
        options: of the container.
        aspect: of a pixel.
        encoder: options of the pictures' encoder.
    """
    with av.open(f"file:{path}", "w", container_options=dict(options or {})) as out:
        out.metadata.update(said or {})
        stream = out.add_stream(codec, rate=rate, options=dict(encoder or {}))  # type: ignore[call-overload]
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 90_000) if times or begun else Fraction(1, rate)
        stream.codec_context.sample_aspect_ratio = aspect or Fraction(1)
        stream.metadata.update(of_picture or {})
        voices = [_voice(out, sound) for sound in sounds]
        texts = [_texts(out, lines) for lines in subtitles]
        if chapters:
            out.set_chapters([_chapter(number, *chapter) for number, chapter in enumerate(chapters)])
        packets: list[Any] = []
        if cover:
            packets += _cover(out, path.suffix)
        if font:
            out.add_attachment("face.ttf", "font/ttf", font)
        out.start_encoding()
        packets += _pictures(stream, times or [(begun or 0) + Fraction(i, rate) for i in range(count)])
        for sound, voice in zip(sounds, voices, strict=True):
            packets += _tone(sound, voice, count / rate)
        for lines in texts:
            packets += lines()
        for packet in sorted(packets, key=_time):
            out.mux(packet)
    return path


def edited(clip: Path, path: Path, parts: Sequence[tuple[float, float]]) -> Path:
    """An MP4 file again whose tracks show these parts alone: seconds of each, and where in the track it begins."""
    data = clip.read_bytes()
    at = data.index(b"mvhd")
    of_movie = int.from_bytes(data[at + 16 : at + 20], "big")

    def boxes(inside: bytes) -> Iterator[tuple[bytes, bytes]]:
        while inside:
            size = int.from_bytes(inside[:4], "big")
            yield inside[4:8], inside[8:size]
            inside = inside[size:]

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(body), kind) + body

    def changed(kind: bytes, body: bytes) -> bytes:
        if kind == b"edts":
            return b""
        if kind == b"moov":
            return box(kind, b"".join(changed(*inner) for inner in boxes(body)))
        if kind != b"trak":
            return box(kind, body)
        at = body.index(b"mdhd")
        of_track = int.from_bytes(body[at + 16 : at + 20], "big")
        edits = (struct.pack(">IiI", round(s * of_movie), round(a * of_track), 1 << 16) for s, a in parts)
        listed = box(b"edts", box(b"elst", struct.pack(">II", 0, len(parts)) + b"".join(edits)))
        return box(kind, listed.join(box(k, v) for k, v in boxes(body) if k in (b"tkhd", b"mdia")))

    path.write_bytes(b"".join(changed(*outer) for outer in boxes(data)))  # the index comes last: nothing else moves
    return path


def looked_at(path: Path) -> dict[str, Any]:
    """What a result holds: frames, metadata, chapters and, of each stream, its kind, codec, metadata and times."""
    with av.open(f"file:{path}") as file:
        streams: list[dict[str, Any]] = [
            {
                "kind": stream.type,
                "codec": stream.codec_context.codec.canonical_name if stream.codec_context else None,
                "language": stream.metadata.get("language"),
                "title": stream.metadata.get("title") or stream.metadata.get("name"),
                "disposition": int(stream.disposition),
                "packets": [],
            }
            for stream in file.streams
        ]
        for packet in file.demux():
            if packet.size and packet.pts is not None:
                streams[packet.stream_index]["packets"].append((float(packet.pts * packet.time_base), bytes(packet)))
        chapters = [
            (float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"]), c["metadata"].get("title"))
            for c in file.chapters()
        ]
        said = {name.lower(): value for name, value in file.metadata.items()}
    with av.open(f"file:{path}") as file:
        frames = [float(frame.pts * frame.time_base) for frame in file.decode(video=0) if frame.pts is not None]
    return {"frames": frames, "streams": streams, "chapters": chapters, "said": said}


def of_kind(seen: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [stream for stream in seen["streams"] if stream["kind"] == kind]


def decoded_sound(path: Path) -> tuple[np.ndarray, int]:
    """Samples of the first sound's first channel from the first picture on, -1..1, and their rate."""
    with av.open(f"file:{path}") as file:
        begun = file.streams.video[0].start_time or 0
        zero = begun * file.streams.video[0].time_base
        frames = list(file.decode(audio=0))
    rate = frames[0].sample_rate
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
    first = frames[0].pts * frames[0].time_base - zero
    parts = [part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)]
    samples = np.concatenate(parts)
    lead = round(first * rate)
    return (np.concatenate([np.zeros(lead), samples]) if lead > 0 else samples[-lead:]), rate


def _time(packet: Any) -> Fraction:
    return Fraction((packet.pts if packet.dts is None else packet.dts) * packet.time_base)


def _voice(out: Any, sound: Sound) -> Any:
    stream = out.add_stream(sound.codec, rate=sound.rate)
    stream.layout = sound.layout
    if sound.codec.startswith("wma"):
        stream.bit_rate = 128_000
    stream.metadata.update(sound.said)
    stream.disposition = sound.disposition
    return stream


def _tone(sound: Sound, stream: Any, seconds: float) -> list[Any]:
    size = stream.codec_context.frame_size or 1024
    packets = []
    for index in range(int(sound.rate * (sound.seconds or seconds)) // size):
        at = np.arange(index * size, (index + 1) * size) / sound.rate
        wave = (np.sin(2 * np.pi * 440 * at) * 8000).astype(np.int16)
        channels = len(av.AudioLayout(sound.layout).channels)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, channels)[None], format="s16", layout=sound.layout)
        frame.sample_rate, frame.time_base = sound.rate, Fraction(1, sound.rate)
        frame.pts = index * size + round(sound.start * sound.rate)
        packets += stream.encode(frame)
    return packets + list(stream.encode(None))


def _texts(out: Any, lines: Subtitles) -> Any:
    source = av.open(io.BytesIO(_TEXT), format="srt")
    decoder = source.streams[0].codec_context
    decoder.open(strict=False)
    stream = out.add_stream(lines.codec)
    stream.codec_context.subtitle_header = decoder.subtitle_header
    stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
    stream.metadata.update(lines.said)
    stream.disposition = lines.disposition

    def packets() -> list[Any]:
        found = []
        for packet in source.demux():
            if packet.size:
                encoded = stream.codec_context.encode_subtitle(decoder.decode2(packet))
                encoded.time_base, encoded.stream = packet.time_base, stream
                encoded.pts = encoded.dts = packet.pts
                encoded.duration = packet.duration
                found.append(encoded)
        return found

    return packets


def _chapter(number: int, start: float, end: float, title: str) -> Any:
    base = Fraction(1, 1000)
    times = {"start": round(start / base), "end": round(end / base), "time_base": base}
    return {"id": number + 1, **times, "metadata": {"title": title}}


def _cover(out: Any, suffix: str) -> list[Any]:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), (90, 20, 20)).save(file, "JPEG")
    if suffix == ".mkv":
        out.add_attachment("cover.jpg", "image/jpeg", file.getvalue())
        return []
    stream = out.add_mux_stream("mjpeg", width=40, height=40, time_base=Fraction(1, 90_000))
    stream.disposition = 1 << 10
    packet = av.Packet(file.getvalue())
    packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 90_000), 0, 0
    return [packet]


def _pictures(stream: Any, times: Sequence[Fraction]) -> list[Any]:
    y, x = np.mgrid[:48, :64]
    packets = []
    for index, time in enumerate(times):
        samples = np.dstack([x * 4, y * 5, (x + y + 4 * index) % 256]).astype(np.uint8)
        picture = av.VideoFrame.from_ndarray(samples, format="rgb24").reformat(format="yuv420p")
        picture.time_base = stream.codec_context.time_base
        picture.pts = round(time / picture.time_base)
        packets += stream.encode(picture)
    return packets + list(stream.encode(None))

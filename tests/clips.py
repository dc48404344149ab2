"""Clips that tests make themselves, by FFmpeg alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from helpers import scene
from PIL import Image

from impasto.video.assembly import Assembly
from impasto.video.encoding import encoding_for
from impasto.video.reading import Clip, VideoFrame
from impasto.video.writing import Writer


def moving(count: int, step: float = 2.0, seed: int = 0) -> list[np.ndarray]:
    """A soft picture that moves to the left by `step` pixels a frame: T x H x W x 3, 0..1."""
    wide = Image.fromarray(scene(40, 16, seed)).resize((320, 128), Image.Resampling.BICUBIC)
    strip = np.asarray(wide, np.float32) / 255
    return [np.ascontiguousarray(strip[32:96, round(i * step) : round(i * step) + 96]) for i in range(count)]


def write(
    path: Path, frames: list[np.ndarray], *, times: list[float] | None = None, sound: bool = False, **options: object
) -> Path:
    """A clip of our own making, by FFmpeg alone.

    Options: codec, rate, pixels, base (of times); encoder, its options; context, its attributes; tags, the stream's.
    """
    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream(str(options.get("codec", "libx264")), rate=int(options.get("rate", 10)))  # type: ignore[call-overload]
        height, width = frames[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, str(options.get("pixels", "yuv420p"))
        stream.codec_context.time_base = base = options.get("base", Fraction(1, 1000))  # type: ignore[assignment]
        stream.codec_context.options = dict(options.get("encoder", {"crf": "10"}))  # type: ignore[call-overload]
        stream.metadata.update(options.get("tags", {}))  # type: ignore[call-overload]
        for name, value in dict(options.get("context", {})).items():  # type: ignore[call-overload]
            setattr(stream.codec_context, name, value)
        voice = container.add_stream("aac", rate=44_100) if sound else None
        for index, pixels in enumerate(frames):
            samples = (pixels * 255).round().astype(np.uint8)
            picture = av.VideoFrame.from_ndarray(samples, format="rgb24" if pixels.shape[2] == 3 else "rgba")
            picture.time_base = base
            picture.pts = round((times[index] if times else index / 10) / base)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        if voice is not None:
            for index in range(round(len(frames) / 10 * 44_100 / 1024)):
                wave = np.sin(np.arange(1024) / 10 + index * 102.4).astype(np.float32)[None]
                chunk = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
                chunk.sample_rate, chunk.pts = 44_100, index * 1024
                container.mux(voice.encode(chunk))
            container.mux(voice.encode(None))
    return path


def read(path: Path) -> list[VideoFrame]:
    return list(Clip(path).frames())


def writer(path: Path, width: int = 96, height: int = 64, *, rate: int = 10, **of_assembly: object) -> Writer:
    """What writes such frames to a video's file."""
    encoding = encoding_for(path, width, height, Fraction(rate))
    return Writer(Assembly(path, encoding, **of_assembly))  # type: ignore[arg-type]

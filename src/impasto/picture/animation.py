"""Animations: read and write every frame of a file."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from impasto.errors import PictureError
from impasto.picture.contents import Contents, Frame
from impasto.picture.formats import ANIMATED, Bits
from impasto.picture.frame_times import played, timetable
from impasto.picture.samples import SAYS_COLORS, in_srgb, upright
from impasto.pixels.arrays import filled, floats, stored

_WEBP_MOVES, _WEBP_ALPHA = 0x02, 0x10  # flags in the header of a WebP file
_FORGOTTEN = ("AVIF",)  # formats whose repeat count Pillow neither reads nor writes


def frame_count(image: Image.Image) -> int:
    """Return the number of frames to read from a file: all of an animation, one page of a document."""
    animated = image.format in ANIMATED and getattr(image, "is_animated", False)
    return getattr(image, "n_frames", 1) if animated else 1


def moves_longer(data: bytes, most: int) -> bool:
    """Return True if a GIF has more than `most` frames, or suspiciously small blocks (under about 100 bytes).

    The function stops reading at that limit. Pillow visits all blocks to count frames, at 1 to 7 microseconds each, and
    a block may have only 2 bytes. Other formats store their frame count.
    """
    if not data.startswith(b"GIF8"):
        return False
    frames, pieces, at = 0, len(data) // 100 + 10 * most + 1000, 13
    try:
        at += _color_table(data[10])
        while data[at] in b"\x21\x2c" and frames <= most:  # an extension or a frame
            if data[at] == 0x2C:
                frames += 1
                at += 9 + _color_table(data[at + 9])
            at += 2
            while data[at] and pieces >= 0:
                at += 1 + data[at]
                pieces -= 1
            if pieces < 0:
                return True
            at += 1
    except IndexError:  # the file is truncated
        pass
    return frames > most


def _color_table(flags: int) -> int:
    """Return the size in bytes of the color table that the flags describe."""
    return 3 << (flags % 8 + 1) if flags & 0x80 else 0


def declare_alpha(data: bytes) -> bytes:
    """Set the alpha flag in the header of an animated WebP file. Other files stay unchanged.

    libwebp leaves the flag unset if all frames contain only opaque pixels, even if frames leave part of the canvas
    clear. Pillow then reads that part as black.
    """
    if data[:4] != b"RIFF" or data[8:16] != b"WEBPVP8X" or len(data) < 21 or not data[20] & _WEBP_MOVES:
        return data
    return data[:20] + bytes([data[20] | _WEBP_ALPHA]) + data[21:]


def read_animation(first: Contents, image: Image.Image, count: int, orientation: int, name: str) -> Contents:
    """Read all frames of an animation.

    Further frames are read like the first one: profile, orientation, own alpha. They have eight bits a channel.

    Args:
        first: the contents of the file's first picture.
        image: the file, with that picture decoded.
        count: number of pictures in the file.
        orientation: the orientation from EXIF.
        name: the name of the file.
    Raises:
        PictureError: a frame is damaged.
    """
    info = dict(image.info)  # decoding a further frame changes it
    frames = [read_frame(image, index, count, orientation, name) for index in range(1, count)]
    picture = replace(first, duration=_duration(info), loop=_plays(image.format, info))
    if info.get("default_image"):  # the first picture is for programs without APNG support
        begun, *frames = frames
        color = np.ascontiguousarray(begun.color)
        picture = replace(picture, samples=color, alpha=begun.alpha, bits=8, duration=begun.duration)
        cover = Contents(first.samples, first.alpha, first.bits)
        picture = replace(picture, cover=cover if frames else None)
    alphas = (picture.alpha, *(frame.alpha for frame in frames)) if image.format == "WEBP" else ()
    if alphas and all(alpha is None or alpha.min() == 1 for alpha in alphas):
        frames = [replace(frame, samples=np.ascontiguousarray(frame.color)) for frame in frames]
        picture = replace(picture, alpha=None)
    return replace(picture, frames=tuple(frames))


def read_frame(image: Image.Image, index: int, count: int, orientation: int, name: str) -> Frame:
    """Read a further frame of an animation. The arguments are those of `read_animation`."""
    meaning = {key: image.info[key] for key in SAYS_COLORS if key in image.info}
    try:
        image.seek(index)
        image.load()
        image.info.update(meaning)
        still = in_srgb(image, None)
    except Exception as error:
        raise PictureError(f"{name} is damaged at frame {index + 1} of {count}", code="damaged-file") from error
    color = still.color if still.color.dtype == np.uint8 else stored(floats(still.color), np.uint8)
    samples = color if still.alpha is None else np.dstack([color, stored(still.alpha, np.uint8)])
    return Frame(np.ascontiguousarray(upright(samples, orientation)), _duration(image.info))


def _duration(info: dict[Any, Any]) -> float:
    return float(info.get("duration", 0) or 0)


def _plays(file_format: str | None, info: dict[Any, Any]) -> int:
    """Return how often an animation plays; 0 for ever.

    GIF stores the number of repeats, and nothing for a single run.
    """
    loop = info.get("loop")
    if file_format == "GIF":
        return 1 if loop is None else int(loop) and int(loop) + 1
    return int(loop or 0)


def images_and_options(picture: Contents, file_format: str) -> tuple[list[Image.Image], dict[str, Any]]:
    """Return an animation's frames and Pillow's options for writing them. The first image is saved, with the options.

    A file that keeps its format keeps its durations. Otherwise durations are those that players use.
    """
    alpha = picture.alpha is not None or any(frame.alpha is not None for frame in picture.frames)
    frames = [_with_alpha(frame) if alpha else frame for frame in picture.every()]
    table = _table(picture, file_format)
    images = [image_for(frames[index], file_format) for index, _ in table]
    options: dict[str, Any] = {"save_all": True, "duration": [duration for _, duration in table]}
    if file_format == "GIF":
        if picture.loop != 1:
            options["loop"] = max(0, picture.loop - 1)
        if alpha:  # clear parts must not show the previous frame
            options |= {"disposal": 2, "optimize": False}  # optimizing drops the clear color if no pixel uses it
    elif file_format not in _FORGOTTEN:
        options["loop"] = picture.loop
    if file_format == "PNG" and picture.cover is not None:
        cover = Frame(picture.cover.samples_in(8), 0)
        images.insert(0, image_for(_with_alpha(cover) if alpha else Frame(cover.color, 0), file_format))
        options["default_image"] = True
    return images, options | {"append_images": images[1:]}


def _table(picture: Contents, file_format: str) -> list[tuple[int, float]]:
    """Return the indices of the written frames, and their durations in milliseconds."""
    durations = [frame.duration for frame in picture.every()]
    if picture.file_format == file_format:
        return [(index, time if file_format == "PNG" else round(time)) for index, time in enumerate(durations)]
    made_here = not picture.file_format  # then durations are exact, and not subject to players' rules for short ones
    times = [duration if made_here and duration > 0 else played(duration) for duration in durations]
    return list(timetable(times, file_format))


def note_left_out(picture: Contents, file_format: str) -> None:
    """Warn about frames that are too short for players of a format."""
    count = len(picture.frames) + 1
    left_out = count - len(_table(picture, file_format))
    if left_out:
        name, are = picture.name or "the picture", "is" if left_out == 1 else "are"
        said = f"{left_out} of {count} frames {are} left out, because {file_format} players would slow them down"
        warnings.warn(f"{name}: {said}", stacklevel=3)


def image_for(frame: Frame, file_format: str) -> Image.Image:
    """Return a frame as a PIL image that the format's writer accepts."""
    return clear_or_not(frame) if file_format == "GIF" and frame.alpha is not None else Image.fromarray(frame.samples)


def clear_or_not(frame: Frame) -> Image.Image:
    """Reduce a frame to 255 colors and one clear color: GIF has no partial alpha.

    The colors come from visible pixels only.
    """
    assert frame.alpha is not None
    seen = frame.alpha >= 0.5
    colors = Image.fromarray(filled(np.ascontiguousarray(frame.color), seen.astype(np.float32)))
    image = colors.quantize(255, dither=Image.Dither.NONE)
    indices = np.asarray(image).copy()
    clear = len(image.getpalette() or []) // 3
    indices[~seen] = clear
    found = Image.fromarray(indices, "P")
    found.putpalette([*(image.getpalette() or []), 0, 0, 0])
    found.info["transparency"] = clear
    return found


def _with_alpha(frame: Frame) -> Frame:
    if frame.samples.shape[2] == 4:
        return frame
    return replace(frame, samples=np.dstack([frame.samples, np.full(frame.samples.shape[:2], 255, np.uint8)]))


def said_of_frames(picture: Contents, file_format: str, bits: Bits) -> str:
    """Return a remark if a file of that format would contain only the first frame; else ""."""
    if not picture.frames or (file_format in ANIMATED and bits == 8):
        return ""
    kind = f"{file_format} with {bits} bits" if bits == 16 else file_format
    return f"is animated, but {kind} is not: only the first frame is written"

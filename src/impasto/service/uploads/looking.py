"""Examine an upload once, in a worker: read its facts, and make the reduced picture for previews."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np

from impasto.errors import PictureError
from impasto.picture import Picture
from impasto.picture.reading import head_of
from impasto.pixels.arrays import fit, reduced
from impasto.presets.made_with import settings_of, settings_of_clip
from impasto.service.uploads.clips import frame_of, on_disk
from impasto.service.uploads.kept import Facts, Kept
from impasto.service.uploads.whole import remember, still
from impasto.service.work import Answer, Tell, notes_of

CANVAS = 1280
"""Longer side in pixels of the reduced picture."""
_AT_ONCE = 36_000_000  # pixels; larger JPEGs are decoded at a smaller size, in a fraction of the time


@dataclass(frozen=True)
class LookAtPhoto:
    """Reads a picture's facts and its reduced first frame. The answer's data come from `packed`."""

    file: Kept
    max_pixels: int
    megapixels: float

    def run(self, tell: Tell) -> Answer:  # noqa: ARG002  noqa: ARG002  it has no steps to report
        with notes_of() as notes:
            head = head_of(self.file.read(), self.file.name)
            whole = head.width * head.height <= _AT_ONCE
            photo = still(self.file, self.max_pixels, None if whole else CANVAS)
        size = photo.width, photo.height
        if whole:
            remember(self.file, photo)
        else:
            upright = (head.width > head.height) == (photo.width > photo.height)
            size = (head.width, head.height) if upright else (head.height, head.width)
        canvas = canvas_of(photo)
        facts = Facts(
            "photo",
            *size,
            head.frames,
            photo.alpha is not None,
            photo.bits,
            settings_of(photo, self.file.read()),
            tuple(notes),
        )
        return Answer(packed(canvas), "application/octet-stream", {"upload": facts})


@dataclass(frozen=True)
class LookAtClip:
    """Reads a clip's facts and its reduced first frame."""

    file: Kept
    max_pixels: int
    megapixels: float = 2.0

    def run(self, tell: Tell) -> Answer:  # noqa: ARG002  noqa: ARG002  it has no steps to report
        from impasto.video.containers import has_sound
        from impasto.video.reading import Clip

        with notes_of() as notes, on_disk(self.file) as path:
            clip = Clip(path, untrusted=True, max_pixels=self.max_pixels)
            with clip.opened() as container:
                sound, said = has_sound(container), dict(container.metadata)
            frame = next(clip.frames(), None)
        if frame is None:
            raise PictureError(f"{self.file.name} contains no frames", code="no-frames")
        canvas = canvas_of(Picture(frame.samples, frame.alpha))
        facts = Facts(
            "clip",
            clip.width,
            clip.height,
            max(1, clip.count),
            frame.alpha is not None,
            16 if frame.samples.dtype == np.uint16 else 8,
            settings_of_clip(said),
            tuple(dict.fromkeys((*clip.notes, *notes))),
            round(float(clip.count / clip.rate), 3),
            round(float(clip.rate), 3),
            sound,
        )
        return Answer(packed(canvas), "application/octet-stream", {"upload": facts})


@dataclass(frozen=True)
class FrameOfClip:
    """The reduced frame that a clip shows at a second, or the last frame if the clip ends earlier."""

    file: Kept
    second: float
    max_pixels: int
    megapixels: float = 2.0

    def run(self, tell: Tell) -> Answer:  # noqa: ARG002  noqa: ARG002  it has no steps to report
        picture = frame_of(self.file, self.second, self.max_pixels)
        return Answer(packed(canvas_of(picture)), "application/octet-stream")


def canvas_of(photo: Picture) -> Picture:
    """Return a photo, reduced for previews."""
    width, height = fit(photo.width, photo.height, CANVAS)
    if width >= photo.width:
        return photo
    if photo.alpha is not None:
        return photo.resized(width, height)
    return Picture(reduced(photo.samples, width, height))


def packed(picture: Picture) -> bytes:
    """Return the 8-bit samples of a still picture as bytes, without its metadata."""
    out = io.BytesIO()
    np.save(out, replace(picture, frames=(), cover=None).samples_in(8), allow_pickle=False)
    return out.getvalue()


def unpacked(data: bytes) -> Picture:
    """Return the picture of `packed`."""
    return Picture.from_array(np.load(io.BytesIO(data), allow_pickle=False))

"""Look at an upload once, in a worker: what it is, and the reduced picture that previews are painted from."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.picture.metadata import made_with_of
from impasto.picture.reading import head_of
from impasto.service.jobs.folders import private_folder
from impasto.service.uploads.kept import Facts, Kept
from impasto.service.uploads.settings import fields_of
from impasto.service.work import Answer, Tell, notes_of

CANVAS = 1280
"""Longer side in pixels of the reduced picture."""


@dataclass(frozen=True)
class LookAtPhoto:
    """A picture's facts and its first frame, reduced. The answer's data are those of `packed`."""

    file: Kept
    max_pixels: int
    megapixels: float

    def run(self, tell: Tell) -> Answer:  # noqa: ARG002  it has no steps to tell of
        data = self.file.read()
        with notes_of() as notes:
            head = head_of(data, self.file.name)
            source = io.BytesIO(data)
            source.name = self.file.name
            canvas = Picture.open(source, max_pixels=self.max_pixels, at_most=CANVAS, untrusted=True)
        size = head.width, head.height
        if (size[0] > size[1]) != (canvas.width > canvas.height):  # the camera was held upright
            size = size[::-1]
        facts = Facts(
            "photo",
            *size,
            head.frames,
            canvas.alpha is not None,
            canvas.bits,
            fields_of(made_with_of(canvas.metadata)),
            tuple(notes),
        )
        return Answer(packed(canvas), "application/octet-stream", {"upload": facts})


@dataclass(frozen=True)
class LookAtClip:
    """A clip's facts and its first frame, reduced."""

    file: Kept
    max_pixels: int
    megapixels: float = 2.0

    def run(self, tell: Tell) -> Answer:  # noqa: ARG002  it has no steps to tell of
        from impasto.video.containers import has_sound
        from impasto.video.reading import Clip

        with notes_of() as notes, _on_disk(self.file) as path:
            clip = Clip(path, untrusted=True, max_pixels=self.max_pixels)
            with clip.opened() as container:
                sound = has_sound(container)
            frame = next(clip.frames(), None)
        if frame is None:
            raise PictureError(f"{self.file.name} holds no frames", code="no-frames")
        canvas = Picture(frame.samples, frame.alpha).at_most(CANVAS)
        facts = Facts(
            "clip",
            clip.width,
            clip.height,
            max(1, clip.count),
            frame.alpha is not None,
            16 if frame.samples.dtype == np.uint16 else 8,
            None,
            tuple(dict.fromkeys((*clip.notes, *notes))),
            round(float(clip.count / clip.rate), 3),
            round(float(clip.rate), 3),
            sound,
        )
        return Answer(packed(canvas), "application/octet-stream", {"upload": facts})


@dataclass(frozen=True)
class FrameOfClip:
    """The frame of a clip that is shown at a second, reduced; the last one if the clip ends before."""

    file: Kept
    second: float
    max_pixels: int
    megapixels: float = 2.0

    def run(self, tell: Tell) -> Answer:  # noqa: ARG002  it has no steps to tell of
        picture = frame_of(self.file, self.second, self.max_pixels)
        return Answer(packed(picture.at_most(CANVAS)), "application/octet-stream")


def frame_of(file: Kept, second: float, max_pixels: int) -> Picture:
    """The frame of a clip that is shown at a second; the last one if the clip ends before."""
    from impasto.video.reading import Clip

    last = None
    with _on_disk(file) as path:
        for frame in Clip(path, untrusted=True, max_pixels=max_pixels).frames():
            if last is not None and float(frame.time) > second:
                break
            last = frame
    if last is None:
        raise PictureError(f"{file.name} holds no frames", code="no-frames")
    return Picture(last.samples, last.alpha)


@contextmanager
def _on_disk(file: Kept) -> Iterator[Path]:
    """Where a clip lies; what is wrong with it is said by its name."""
    with private_folder() as folder:
        path = file.path
        if file.data is not None:
            path = folder / file.path.name
            path.write_bytes(file.data)
        try:
            yield path
        except (PictureError, UsageError) as error:
            message, hint = (text.replace(str(path), file.name) for text in (error.message, error.hint))
            raise PictureError(message, hint, code=error.code) from error


def packed(picture: Picture) -> bytes:
    """A still picture's samples in 8 bits as bytes, without anything else that is known of it."""
    out = io.BytesIO()
    np.save(out, replace(picture, frames=(), cover=None).samples_in(8), allow_pickle=False)
    return out.getvalue()


def unpacked(data: bytes) -> Picture:
    """The picture."""
    return Picture.from_array(np.load(io.BytesIO(data), allow_pickle=False))

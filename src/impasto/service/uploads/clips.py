"""Read frames of uploaded clips in a worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.service.jobs.folders import private_folder
from impasto.service.uploads.kept import Kept


def frame_of(file: Kept, second: float, max_pixels: int) -> Picture:
    """Return the frame that a clip shows at a second, or the last frame if the clip ends earlier."""
    from impasto.video.reading import Clip

    last = None
    with on_disk(file) as path:
        for frame in Clip(path, untrusted=True, max_pixels=max_pixels).frames():
            if last is not None and float(frame.time) > second:
                break
            last = frame
    if last is None:
        raise PictureError(f"{file.name} contains no frames", code="no-frames")
    return Picture(last.samples, last.alpha)


@contextmanager
def on_disk(file: Kept) -> Iterator[Path]:
    """Provide the path of a clip while the context lasts. Errors name the clip by its own name."""
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

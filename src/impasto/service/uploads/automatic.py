"""Find masks automatically in a worker: people, background or faces in an upload."""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from impasto.errors import ImpastoError
from impasto.pixels.arrays import resize, stored
from impasto.service.uploads.caches import VIEWS
from impasto.service.uploads.kept import Kept, Size
from impasto.service.uploads.looking import unpacked
from impasto.service.uploads.preview import digest_of, view_size
from impasto.service.work import Answer, Stages, Tell, notes_of
from impasto.styles.gallery import Gallery


@dataclass(frozen=True)
class MaskWork:
    """An automatic mask of an upload: white inside, black outside, gray between.

    Attributes:
        of: person, background or faces.
    """

    canvas: Kept
    size: Size
    side: int
    of: str
    megapixels: float = 1.0

    def digest(self, _gallery: Gallery) -> str:
        """Return a digest that identifies the view."""
        return digest_of("mask", self.canvas.digest, self.size, self.side, self.of)

    def run(self, tell: Tell) -> Answer:  # noqa: ARG002  noqa: ARG002  it has no steps to report
        clock = Stages()
        try:
            people = importlib.import_module("impasto.painting.people")
        except ModuleNotFoundError as error:
            raise ImpastoError(
                "automatic masks are not available on this service", "draw or upload a mask", code="missing-extra"
            ) from error
        picture = VIEWS.of(self.canvas.digest, lambda: unpacked(self.canvas.read()))
        with notes_of() as notes:
            mask = people.automatic_mask(self.of, replace(picture, alpha=None))
        clock("find")
        width, height = view_size(self.size, self.side)
        gray = stored(resize(np.asarray(mask, np.float32), width, height, "bilinear"), np.uint8)
        out = io.BytesIO()
        Image.fromarray(gray).save(out, "PNG")
        clock("encode")
        facts = {"width": width, "height": height, "seconds": clock.seconds}
        return Answer(out.getvalue(), "image/png", facts, tuple(notes))

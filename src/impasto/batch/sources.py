"""The styles and masks of a run: names and files as they are, everything else as pictures."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from impasto.painting.regions import Regions, as_regions
from impasto.picture import Picture
from impasto.picture.reading import MAX_PIXELS
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import StyleRequest, parse, weighted
from impasto.system.files import NoHome


class Sources:
    """The styles and masks of a run, in a form that can be read several times. A file object can be read only once.

    Args:
        max_pixels: refuse larger paintings and masks.
        untrusted: set this if they come from strangers: see `Picture.open`.

    Attributes:
        style: as for `Stylizer`. So are regions.
    """

    def __init__(
        self,
        style: StyleRequest,
        regions: Regions | None = None,
        *,
        max_pixels: int = MAX_PIXELS,
        untrusted: bool = False,
    ) -> None:
        read = functools.partial(Picture.open, max_pixels=max_pixels, untrusted=untrusted)
        self.style = _lasting(style, read)
        self.regions = [
            replace(region, mask=_kept(region.mask, read), style=_lasting(region.style, read))
            for region in as_regions(regions)
        ]

    @property
    def label(self) -> str:
        """The style's name, for file names."""
        return "-".join(_name(source) or "painting" for source in _single(self.style))

    @property
    def files(self) -> list[str]:
        """Styles and masks that may be files."""
        return [name for name in map(_name, self._all) if name is not None]

    def facts(self, gallery: Gallery) -> list[str]:
        """Return texts that change when a style, a mask, or the settings of a region change."""
        settings = [f"{index} {region.settings}" for index, region in enumerate(self.regions) if region.settings]
        return [*(_fact(source, gallery) for source in self._all), *settings]

    @property
    def _all(self) -> list[Any]:
        """Styles and masks, without the style "", which stands for the picture's own."""
        found = _single(self.style)
        for region in self.regions:
            found += [region.mask, *(_single(region.style) if region.style != "" else ())]
        return found


def _kept(source: Any, read: Callable[[Any], Picture]) -> Any:
    return source if isinstance(source, (str, os.PathLike)) else read(source)


def _lasting(request: StyleRequest, read: Callable[[Any], Picture]) -> Any:
    if isinstance(request, str):  # also the "none" of a region
        return request
    return [(_kept(source, read), weight) for source, weight in weighted(request)]


def _single(request: Any) -> list[Any]:
    return [source for source, _ in weighted(request)]


def _name(source: Any) -> str | None:
    return parse(str(source))[0] if isinstance(source, (str, os.PathLike)) else None


def _fact(source: Any, gallery: Gallery) -> str:
    name = _name(source)
    if name is None:
        from impasto.batch.ledger import digest

        return digest(source.samples.tobytes())
    path = Path(name)
    if isinstance(source, str) and name in gallery:  # learning may have changed the user's own style
        with contextlib.suppress(NoHome):
            path = gallery.folder / name.partition("/")[0]
    try:
        status = path.stat()
    except (OSError, ValueError):
        return name
    return f"{path}:{status.st_size}:{status.st_mtime_ns}"

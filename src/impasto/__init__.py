"""Impasto paints photographs in the style of any painting.

>>> import impasto
>>> impasto.stylize("photo.jpg", "starry-night", strength=80).save("out.png")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.controls import Controls
    from impasto.errors import ImpastoError, MissingExtra, PictureError, StyleError, UsageError
    from impasto.gallery import Gallery
    from impasto.picture import Picture
    from impasto.stylizer import Stylizer, stylize

_HOME = {
    "Controls": "controls",
    "Gallery": "gallery",
    "ImpastoError": "errors",
    "MissingExtra": "errors",
    "Picture": "picture",
    "PictureError": "errors",
    "StyleError": "errors",
    "Stylizer": "stylizer",
    "UsageError": "errors",
    "stylize": "stylizer",
}

__all__ = [
    "Controls",
    "Gallery",
    "ImpastoError",
    "MissingExtra",
    "Picture",
    "PictureError",
    "StyleError",
    "Stylizer",
    "UsageError",
    "__version__",
    "stylize",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used: `import impasto` alone costs next to nothing."""
    if name not in _HOME:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"impasto.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

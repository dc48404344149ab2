"""Impasto paints photographs in the style of any painting.

>>> import impasto
>>> impasto.stylize("photo.jpg", "starry-night", strength=80).save("out.png")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.controls import Controls
    from impasto.errors import ImpastoError, MissingExtra, PictureError, StyleError, UsageError
    from impasto.optimization.recipe import Recipe
    from impasto.optimization.run import Optimization, optimize, texture
    from impasto.painting.stylizer import Stylizer, stylize
    from impasto.picture import Picture
    from impasto.styles.gallery import Gallery
    from impasto.training.lessons import learn
    from impasto.video.paint_video import paint_video

_HOME = {
    "Controls": "controls",
    "Gallery": "styles.gallery",
    "ImpastoError": "errors",
    "MissingExtra": "errors",
    "Optimization": "optimization.run",
    "Picture": "picture",
    "PictureError": "errors",
    "Recipe": "optimization.recipe",
    "StyleError": "errors",
    "Stylizer": "painting.stylizer",
    "UsageError": "errors",
    "learn": "training.lessons",
    "optimize": "optimization.run",
    "paint_video": "video.paint_video",
    "stylize": "painting.stylizer",
    "texture": "optimization.run",
}

__all__ = [
    "Controls",
    "Gallery",
    "ImpastoError",
    "MissingExtra",
    "Optimization",
    "Picture",
    "PictureError",
    "Recipe",
    "StyleError",
    "Stylizer",
    "UsageError",
    "__version__",
    "learn",
    "optimize",
    "paint_video",
    "stylize",
    "texture",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used: `import impasto` alone costs next to nothing."""
    if name not in _HOME:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    from importlib import import_module

    try:
        value = getattr(import_module(f"impasto.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        from impasto.errors import MissingExtra

        raise MissingExtra(f"{error.name}, which impasto.{name} needs,", "torch") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

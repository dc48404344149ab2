"""Paint photographs in the style of any painting.

>>> import impasto
>>> impasto.stylize("photo.jpg", "starry-night", strength=80).save("out.png")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from impasto.version import __version__

if TYPE_CHECKING:  # `X as X` marks a name as public for type checkers
    from impasto.batch.enlarge import enlarge_folder as enlarge_folder
    from impasto.batch.run import stylize_folder as stylize_folder
    from impasto.controls import Controls as Controls
    from impasto.enlarging.enlarge import enlarge as enlarge
    from impasto.errors import ImpastoError as ImpastoError
    from impasto.errors import MissingExtra as MissingExtra
    from impasto.errors import PictureError as PictureError
    from impasto.errors import StyleError as StyleError
    from impasto.errors import UsageError as UsageError
    from impasto.optimization.optimize import Optimization as Optimization
    from impasto.optimization.optimize import optimize as optimize
    from impasto.optimization.optimize import texture as texture
    from impasto.optimization.recipe import Recipe as Recipe
    from impasto.painting.people import person_mask as person_mask
    from impasto.painting.regions import Region as Region
    from impasto.painting.stylizer import Stylizer as Stylizer
    from impasto.painting.stylizer import stylize as stylize
    from impasto.picture import Picture as Picture
    from impasto.presets.preset import Preset as Preset
    from impasto.styles.gallery import Gallery as Gallery
    from impasto.textures.paint import paint_textures as paint_textures
    from impasto.training.lessons import learn as learn
    from impasto.video.enlarge_video import enlarge_video as enlarge_video
    from impasto.video.paint_video import paint_video as paint_video

_HOME = {
    "Controls": "controls",
    "Gallery": "styles.gallery",
    "ImpastoError": "errors",
    "MissingExtra": "errors",
    "Optimization": "optimization.optimize",
    "Picture": "picture",
    "PictureError": "errors",
    "Preset": "presets.preset",
    "Recipe": "optimization.recipe",
    "Region": "painting.regions",
    "StyleError": "errors",
    "Stylizer": "painting.stylizer",
    "UsageError": "errors",
    "enlarge": "enlarging.enlarge",
    "enlarge_folder": "batch.enlarge",
    "enlarge_video": "video.enlarge_video",
    "learn": "training.lessons",
    "optimize": "optimization.optimize",
    "paint_textures": "textures.paint",
    "paint_video": "video.paint_video",
    "person_mask": "painting.people",
    "stylize": "painting.stylizer",
    "stylize_folder": "batch.run",
    "texture": "optimization.optimize",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> object:
    """Load a public name on first use, so that `import impasto` alone is fast."""
    if name not in _HOME:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    from importlib import import_module

    try:
        value = getattr(import_module(f"impasto.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "lightning_fabric"):
            raise
        from impasto.errors import MissingExtra

        extra = "train" if name == "learn" else "torch"
        raise MissingExtra(f"{error.name}, which impasto.{name} needs,", extra) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

"""The panel's settings, stored in the scene, and the program's path, stored in the preferences."""

import os
from typing import Any

import bpy
from bpy.props import CollectionProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from . import link
from .styles import Gallery

FOLDER = os.path.dirname(os.path.abspath(__file__))
GALLERY = Gallery()
COLORS = [
    ("none", "Painting's", "The colors of the style"),
    ("luminance", "Image's, by Luminance", "The painting's brightness, with the image's colors"),
    ("histogram", "Image's, by Histogram", "The style's colors are matched to the image's by histogram"),
    ("coral", "Image's, by Covariance", "The style's colors are matched to the image's by covariance"),
]
KINDS = [("material", "Material", "Faces of a material"), ("group", "Vertex Group", "Faces within a vertex group")]


def styles(_: Any, context: Any) -> list[tuple[str, str, str, int, int]]:
    """Return the styles as the items of an enumeration."""
    GALLERY.want(command(context))
    return GALLERY.items  # Blender needs the list to stay alive


def _suggested(_: Any, context: Any, typed: str) -> list[str]:
    GALLERY.want(command(context))
    names = ["none", *(item[0] for item in GALLERY.items)]
    return [name for name in names if typed.lower() in name]


def _listed_again(_: Any, context: Any) -> None:
    GALLERY.forget()
    GALLERY.want(command(context))


def style_text(description: str) -> Any:
    """Make a field for the name of a style or the path of a painting."""
    return StringProperty(
        name="Style", description=description, search=_suggested, search_options={"SUGGESTION"}, options={"SKIP_SAVE"}
    )


def strength() -> Any:
    return FloatProperty(
        name="Strength", description="From the image (0) to the style (100)", default=100, min=0, max=100, precision=0
    )


def brush_size() -> Any:
    return FloatProperty(name="Brush Size", description="Size of the strokes", default=1, min=0.25, max=4, precision=2)


def keep_color() -> Any:
    return EnumProperty(name="Colors", description="Source of the colors", items=COLORS)


class ImpastoRegion(bpy.types.PropertyGroup):
    """Faces with a style of their own."""

    kind: EnumProperty(name="Kind", items=KINDS)
    # `name`, inherited from PropertyGroup, is that of the material or the group
    style: style_text("A style's name, a painting's file, or none to keep the image")


class ImpastoSettings(bpy.types.PropertyGroup):
    """The panel's settings."""

    style: EnumProperty(name="Style", description="Style to paint in", items=styles)
    painting: StringProperty(
        name="Painting", description="File of a painting, instead of a style of the list", subtype="FILE_PATH"
    )
    strength: strength()
    brush_size: brush_size()
    keep_color: keep_color()
    regions: CollectionProperty(type=ImpastoRegion)
    region: IntProperty(name="Region", description="The selected region")


class ImpastoPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    program: StringProperty(
        name="Program",
        description="Path of the program impasto; empty: the one that installed this add-on, or the system's",
        subtype="FILE_PATH",
        update=_listed_again,
    )

    def draw(self, _: Any) -> None:
        self.layout.prop(self, "program")


CLASSES = (ImpastoRegion, ImpastoSettings, ImpastoPreferences)


def command(context: Any) -> list[str]:
    """Return the command that starts the program: the user's, the installer's, or the system's; [] without any."""
    addon = context.preferences.addons.get(__package__)
    typed = addon.preferences.program if addon and addon.preferences else ""
    return [absolute(typed)] if typed else link.program(FOLDER)


def chosen(settings: ImpastoSettings) -> str:
    """Return the style's name, or the absolute path of the painting's file."""
    return absolute(settings.painting) if settings.painting else settings.style


def absolute(path: str) -> str:
    """Return a file's absolute path; `//` is the folder of the .blend file, and `~` the user's home."""
    return os.path.abspath(os.path.expanduser(bpy.path.abspath(path)))


def register() -> None:
    for one in CLASSES:
        bpy.utils.register_class(one)
    bpy.types.Scene.impasto = PointerProperty(type=ImpastoSettings)


def unregister() -> None:
    del bpy.types.Scene.impasto
    for one in reversed(CLASSES):
        bpy.utils.unregister_class(one)
    GALLERY.close()

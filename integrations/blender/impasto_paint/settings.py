"""What the panel asks for, kept in the scene; and where the program is, kept in the preferences."""

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
    ("luminance", "Image's, by Luminance", "Only light and dark of the painting, with the image's colors"),
    ("histogram", "Image's, by Histogram", "The style's colors are matched to the image's by histogram"),
    ("coral", "Image's, by Covariance", "The style's colors are matched to the image's by covariance"),
]
KINDS = [("material", "Material", "Faces of a material"), ("group", "Vertex Group", "Faces within a vertex group")]


def styles(_: Any, context: Any) -> list[tuple[str, str, str, int, int]]:
    """The items of an enumeration of styles."""
    GALLERY.want(command(context))
    return GALLERY.items  # Blender wants the list to live on


def _suggested(_: Any, context: Any, typed: str) -> list[str]:
    GALLERY.want(command(context))
    names = ["none", *(item[0] for item in GALLERY.items)]
    return [name for name in names if typed.lower() in name]


def _listed_again(_: Any, context: Any) -> None:
    GALLERY.forget()
    GALLERY.want(command(context))


def style_text(description: str) -> Any:
    """A field for the name of a style or the path of a painting."""
    return StringProperty(
        name="Style", description=description, search=_suggested, search_options={"SUGGESTION"}, options={"SKIP_SAVE"}
    )


def strength() -> Any:
    return FloatProperty(
        name="Strength", description="The way from the image to the style", default=100, min=0, max=100, precision=0
    )


def brush_size() -> Any:
    return FloatProperty(
        name="Brush Size", description="How large the strokes come out", default=1, min=0.25, max=4, precision=2
    )


def keep_color() -> Any:
    return EnumProperty(name="Colors", description="Where the colors come from", items=COLORS)


class ImpastoRegion(bpy.types.PropertyGroup):
    """Faces that get a style of their own."""

    kind: EnumProperty(name="Kind", items=KINDS)
    # `name`, of the material or the group, is every PropertyGroup's
    style: style_text("A style's name, a painting's file, or none for the image as it is")


class ImpastoSettings(bpy.types.PropertyGroup):
    """What the panel asks for."""

    style: EnumProperty(name="Style", description="The painting whose style it gets", items=styles)
    painting: StringProperty(
        name="Painting", description="A painting's file, instead of a style of the list", subtype="FILE_PATH"
    )
    strength: strength()
    brush_size: brush_size()
    keep_color: keep_color()
    regions: CollectionProperty(type=ImpastoRegion)
    region: IntProperty(name="Region", description="The chosen line")


class ImpastoPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    program: StringProperty(
        name="Program",
        description="The program impasto; if it is empty, the one that installed this add-on, or the system's",
        subtype="FILE_PATH",
        update=_listed_again,
    )

    def draw(self, _: Any) -> None:
        self.layout.prop(self, "program")


CLASSES = (ImpastoRegion, ImpastoSettings, ImpastoPreferences)


def command(context: Any) -> list[str]:
    """The words that start the program: the user's, the installer's, or those that the system finds; or []."""
    addon = context.preferences.addons.get(__package__)
    typed = addon.preferences.program if addon and addon.preferences else ""
    return [absolute(typed)] if typed else link.program(FOLDER)


def chosen(settings: ImpastoSettings) -> str:
    """The style's name, or the absolute path of the painting's file."""
    return absolute(settings.painting) if settings.painting else settings.style


def absolute(path: str) -> str:
    """A file's absolute path; `//` is the folder of the .blend file, and `~` the user's."""
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

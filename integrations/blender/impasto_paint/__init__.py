"""Impasto for Blender: paint the textures of objects in the style of a painting, without seams."""

from . import operators, panels, settings

bl_info = {
    "name": "Impasto",
    "author": "The Impasto developers",
    "version": (0, 1, 0),
    "blender": (4, 2, 0),
    "location": "3D View > Sidebar > Impasto; Image Editor > Sidebar > Impasto",
    "description": "Paint textures in the style of a painting, without seams",
    "category": "Material",
}

_ROOMS = (settings, operators, panels)


def register() -> None:
    for room in _ROOMS:
        room.register()


def unregister() -> None:
    for room in reversed(_ROOMS):
        room.unregister()

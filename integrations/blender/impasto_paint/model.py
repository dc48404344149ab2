"""Write the selected objects and the images of their materials for Impasto, and show the painted images."""

import os
from dataclasses import dataclass, field
from typing import Any

import bpy

from . import geometry, pictures, shading, wavefront
from .link import Trouble
from .pictures import Picture
from .wavefront import Map, Part, token

INPUT, OUTPUT, PAINTED = "model.obj", "painted.obj", "painted.png"


@dataclass(frozen=True, eq=False)
class Model:
    """The objects to paint.

    It refers to Blender's data by names only, because the data may be gone when the painting is finished.

    Attributes:
        images: {name of an image: its pixels}.
        shown: {name of a material: the name of its image}.
        tokens: {name of a material: its name in the files}.
        groups: {name of a vertex group: its name in the files}.
        left: a line for each thing that is not painted.
    """

    images: dict[str, Picture]
    shown: dict[str, str]
    tokens: dict[str, str]
    groups: dict[str, str]
    left: list[str]
    parts: list[Part] = field(default_factory=list)
    clamps: dict[str, bool] = field(default_factory=dict)

    def write(self, folder: str) -> str:
        """Write the OBJ file, the MTL file and the pictures; return the path of the OBJ file. Raises OSError."""
        files: dict[str, str] = {}
        for name, picture in self.images.items():
            stem = token(os.path.splitext(name)[0], {os.path.splitext(file)[0] for file in files.values()})
            files[name] = f"{stem}.png"
            picture.write(os.path.join(folder, files[name]))
        path = os.path.join(folder, INPUT)
        maps = {self.tokens[name]: Map(files[image], self.clamps[name]) for name, image in self.shown.items()}
        wavefront.write(path, self.parts, maps)
        return path

    def show(self, folder: str, label: str) -> tuple[list[str], list[str]]:
        """Let the materials show the painted images in OUTPUT.

        Returns:
            The names of the new images, and a line for each thing that stays unchanged.
        Raises:
            Trouble: nothing was painted.
        """
        try:
            files = wavefront.maps(os.path.join(folder, OUTPUT))
        except OSError:
            raise Trouble("Impasto did not paint the model", "to find the cause, type: impasto doctor") from None
        added: dict[str, Any] = {}
        left = []
        for name, image in self.shown.items():
            try:
                one = _found(name, (image, added[image].name) if image in added else (image,))
                if image not in added:
                    path = files.get(self.tokens[name], "")
                    added[image] = pictures.add(path, f"{image} ({label})", one.node.image, self.images[image])
                shading.replace(one, added[image])
            except Trouble as trouble:
                left.append(str(trouble))
        if not added:
            raise Trouble(left[0])
        return [one.name for one in added.values()], left


def take(things: list[Any], depsgraph: Any, groups: list[str]) -> Model:
    """Collect the geometry and the images of mesh objects.

    Args:
        groups: names of the vertex groups of the regions.
    Raises:
        Trouble: nothing can be painted.
    """
    left: list[str] = []
    shown, images = _images(things, left)
    tokens: dict[str, str] = {}
    for name in shown:
        tokens[name] = token(name, tokens.values())
    grouped: dict[str, str] = {}
    for name in groups:
        grouped[name] = token(name, grouped.values())
    model = Model(
        images, {name: one.node.image.name for name, one in shown.items()}, tokens, grouped, left,
        clamps={name: one.clamp for name, one in shown.items()},
    )  # fmt: skip
    for thing in things:
        try:
            marked = {name: (tokens[name], one) for name, one in shown.items()}
            part = geometry.take(thing, depsgraph, marked, grouped)
        except Trouble as trouble:
            left.append(str(trouble))
            continue
        if len(part.corners):
            model.parts.append(part)
    if not model.parts:
        raise Trouble(
            left[0] if left else "the selected objects have no material",
            "give them one with an image as its base color",
        )
    used = {one for part in model.parts for one in part.materials.tolist()}
    for name in [name for name in shown if tokens[name] not in used]:
        del model.shown[name]
    for image in images.keys() - set(model.shown.values()):
        del images[image]
    return model


def images_of(thing: Any) -> list[Any]:
    """List the images that an object's materials show as their base color."""
    found = []
    for material in _materials([thing]):
        try:
            found.append(shading.find(material).node.image)
        except Trouble:
            continue
    return found


def _images(things: list[Any], left: list[str]) -> tuple[dict[str, shading.Shown], dict[str, Picture]]:
    """Return the image of each material, by the material's name, and the pixels of these images."""
    shown, images, refused = {}, {}, set()
    for material in _materials(things):
        try:
            one = shading.find(material)
            if one.node.id_data.library:
                raise Trouble(f"the material {material.name} belongs to another file", "see Object > Library Override")
            image = one.node.image
            if image.name in refused:
                continue
            if image.name not in images:
                refused.add(image.name)
                images[image.name] = pictures.take(image)
                refused.remove(image.name)
            shown[material.name] = one
        except Trouble as trouble:
            left.append(str(trouble))
    return shown, images


def _materials(things: list[Any]) -> list[Any]:
    return list(dict.fromkeys(slot.material for thing in things for slot in thing.material_slots if slot.material))


def _found(name: str, images: tuple[str, ...]) -> shading.Shown:
    """Find the image that a material shows.

    Args:
        images: the allowed images: the original and its painting. If materials share a node group, the first one to
            be changed changes all of them.
    Raises:
        Trouble: the material is gone, or shows another image now.
    """
    material = bpy.data.materials.get(name)
    shown = shading.find(material) if material else None
    if shown is None or shown.node.image.name not in images:
        raise Trouble(f"the material {name} no longer shows {images[0]}", "It stays unchanged.")
    return shown

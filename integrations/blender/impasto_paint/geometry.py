"""Read the triangles of an object as the scene shows them."""

from typing import Any

import numpy as np

from .link import Trouble
from .shading import Shown
from .wavefront import Part, token

_INSIDE = 0.5  # weight of a vertex above which it belongs to its group


def take(thing: Any, depsgraph: Any, shown: dict[str, tuple[str, Shown]], groups: dict[str, str]) -> Part:
    """Read an object's triangles in the scene, after its modifiers.

    Args:
        thing: a mesh object.
        shown: {name of a material: its token and its image}. Triangles of other materials are skipped.
        groups: {name of a vertex group: its token}.
    Raises:
        Trouble: the object has no UV map, or lacks the one that a material uses.
    """
    evaluated = thing.evaluated_get(depsgraph)
    mesh = evaluated.to_mesh()
    try:
        slots = [slot.material.original.name if slot.material else "" for slot in evaluated.material_slots]
        return _part(thing, mesh, np.array(evaluated.matrix_world), slots or [""], shown, groups)
    finally:
        evaluated.to_mesh_clear()


def _part(
    thing: Any,
    mesh: Any,
    world: np.ndarray,
    slots: list[str],
    shown: dict[str, tuple[str, Shown]],
    groups: dict[str, str],
) -> Part:
    mesh.calc_loop_triangles()
    loops = _column(mesh.loop_triangles, "loops", np.int32, 3)
    slot = _column(mesh.polygons, "material_index", np.int32)[
        _column(mesh.loop_triangles, "polygon_index", np.int32)
    ].clip(0, len(slots) - 1)
    corners = _column(mesh.loops, "vertex_index", np.int32)[loops]
    positions = _column(mesh.vertices, "co", np.float32, 3) @ world[:3, :3].T + world[:3, 3]
    coordinates = np.zeros((len(loops), 3, 2))
    materials = np.full(len(loops), "", object)
    for index, name in enumerate(slots):
        mine = slot == index
        if name in shown and mine.any():
            materials[mine], one = shown[name]
            coordinates[mine] = _coordinates(thing, mesh, one)[loops[mine]]
    kept = materials != ""
    members = {token: inside[corners[kept]].all(axis=1) for token, inside in _inside(thing, mesh, groups).items()}
    return Part(token(thing.name), positions, corners[kept], coordinates[kept], materials[kept], members)


def _coordinates(thing: Any, mesh: Any, shown: Shown) -> np.ndarray:
    """Return the texture coordinates of all loops, moved by Mapping nodes."""
    layers = [one for one in mesh.uv_layers if (one.name == shown.uv_map if shown.uv_map else one.active_render)]
    if not layers:
        what = f"no UV map {shown.uv_map}" if shown.uv_map else "no UV map"
        raise Trouble(f"the object {thing.name} has {what}", "unwrap it in edit mode: UV > Smart UV Project")
    found = _column(layers[0].data, "uv", np.float32, 2)
    moved = np.array(shown.moved)
    return found @ moved[:2, :2].T + moved[:2, 3]


def _inside(thing: Any, mesh: Any, groups: dict[str, str]) -> dict[str, np.ndarray]:
    """Return {token of a group: whether each vertex belongs to it}."""
    tokens = {one.index: groups[one.name] for one in thing.vertex_groups if one.name in groups}
    found = {token: np.zeros(len(mesh.vertices), bool) for token in groups.values()}
    if tokens:
        for vertex in mesh.vertices:
            for one in vertex.groups:
                if one.group in tokens and one.weight > _INSIDE:
                    found[tokens[one.group]][vertex.index] = True
    return found


def _column(rows: Any, name: str, kind: type, width: int = 1) -> np.ndarray:
    flat = np.empty(len(rows) * width, kind)
    rows.foreach_get(name, flat)
    return flat.reshape(-1, width) if width > 1 else flat

"""Find the image of a material's base color and its placement, and replace the image."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mathutils import Euler, Matrix

from .link import Trouble

_SHADERS = (
    {"BSDF_PRINCIPLED": "Base Color"},
    {"BSDF_DIFFUSE": "Color", "EMISSION": "Color"},
)
"""Color inputs by the type of the shader. The second row is used if a material has none of the first."""
_GO_ON = "It stays unchanged."

Groups = tuple[Any, ...]
"""The group nodes between the material's own tree and a node's tree."""


@dataclass(frozen=True)
class Shown:
    """An image as a material shows it.

    Attributes:
        node: the Image Texture node.
        links: the links from its color to the base color.
        uv_map: the name of the UV map; "" is the render UV map.
        moved: the transform of the texture coordinates by Mapping nodes.
    """

    node: Any
    links: list[Any]
    uv_map: str
    moved: Matrix

    @property
    def clamp(self) -> bool:
        """Return whether the image is clamped instead of repeated."""
        return self.node.extension in ("EXTEND", "CLIP")


def find(material: Any) -> Shown:
    """Find the first image upstream of a material's base color.

    Raises:
        Trouble: there is none, or no UV map places it.
    """
    tree = material.node_tree
    output = tree.get_output_node("ALL") if tree else None
    shaders = list(_feeding(output.inputs["Surface"], (), "SHADER")) if output else []
    for kinds in _SHADERS:
        for shader, groups in shaders:
            if shader.from_node.type not in kinds:
                continue
            color = shader.from_node.inputs[kinds[shader.from_node.type]]
            found = [(link, inner) for link, inner in _feeding(color, groups, "RGBA") if _is_image(link)]
            if found:
                node, inner = found[0][0].from_node, found[0][1]
                links = [link for link, _ in found if link.from_node == node]
                return Shown(node, links, *_place(material, node, inner))
    raise Trouble(f"the material {material.name} has no image as its base color", _GO_ON)


def replace(shown: Shown, image: Any) -> None:
    """Show another image as the base color. Other inputs that use the node's color keep the old image."""
    node, tree = shown.node, shown.node.id_data
    others = [link for link in node.outputs["Color"].links if link not in shown.links]
    if not others:
        node.image = image
        return
    painted = tree.nodes.new(node.bl_idname)
    for name in ("extension", "interpolation", "projection", "parent"):
        setattr(painted, name, getattr(node, name))
    painted.location = node.location[0], node.location[1] + 300
    painted.image = image
    for link in node.inputs["Vector"].links:
        tree.links.new(link.from_socket, painted.inputs["Vector"])
    for socket in [link.to_socket for link in shown.links]:
        tree.links.new(painted.outputs["Color"], socket)


def _feeding(socket: Any, groups: Groups, kind: str) -> Iterator[tuple[Any, Groups]]:
    """Yield the links that lead to a socket through sockets of a kind, nearest first, with their groups."""
    waiting, seen = deque([(socket, groups)]), set()
    while waiting:
        socket, groups = waiting.popleft()
        for link in socket.links:
            if link.is_muted:
                continue
            yield link, groups
            node = link.from_node
            here = (node.as_pointer(), link.from_socket.identifier, len(groups))
            if here not in seen:
                seen.add(here)
                waiting.extend(_inputs(node, link.from_socket.identifier, groups, kind))


def _inputs(node: Any, output: str, groups: Groups, kind: str) -> list[tuple[Any, Groups]]:
    """List the sockets on which an output of a node depends."""
    if node.type == "GROUP" and node.node_tree:
        ends = [one for one in node.node_tree.nodes if one.type == "GROUP_OUTPUT" and one.is_active_output]
        return [(one, (*groups, node)) for end in ends for one in end.inputs if one.identifier == output]
    if node.type == "GROUP_INPUT":
        return [(one, groups[:-1]) for one in groups[-1].inputs if one.identifier == output] if groups else []
    return [(one, groups) for one in node.inputs if one.enabled and (one.type == kind or node.type == "REROUTE")]


def _is_image(link: Any) -> bool:
    return link.from_node.type == "TEX_IMAGE" and link.from_node.image and link.from_socket.name == "Color"


def _place(material: Any, node: Any, groups: Groups) -> tuple[str, Matrix]:
    """Return the name of the UV map, and its transform by Mapping nodes."""
    trouble = Trouble(f"no UV map places the image {node.image.name} of the material {material.name}", _GO_ON)
    if node.projection != "FLAT":
        raise trouble
    socket, moved = node.inputs["Vector"], Matrix()
    if not socket.is_linked:
        return "", moved
    while socket is not None and socket.is_linked:
        link = socket.links[0]
        source = link.from_node
        if source.type == "UVMAP":
            return source.uv_map, moved
        if source.type == "ATTRIBUTE":
            return source.attribute_name, moved
        if source.type == "TEX_COORD" and link.from_socket.name == "UV":
            return "", moved
        if source.type == "MAPPING":
            moved = moved @ _mapping(source, trouble)
        elif source.type not in ("REROUTE", "GROUP_INPUT", "GROUP"):
            break
        place = "Vector" if source.type == "MAPPING" else 0
        if source.type == "MAPPING" or source.type == "REROUTE":
            socket = source.inputs[place]
        else:
            found = _inputs(source, link.from_socket.identifier, groups, "VECTOR")
            socket, groups = found[0] if found else (None, groups)
    raise trouble


def _mapping(node: Any, trouble: Trouble) -> Matrix:
    if node.vector_type not in ("POINT", "TEXTURE") or any(
        one.is_linked for one in node.inputs if one.name != "Vector"
    ):
        raise trouble
    place, turn, scale = (node.inputs[name].default_value for name in ("Location", "Rotation", "Scale"))
    moved = Matrix.LocRotScale(place, Euler(turn), scale)
    if node.vector_type == "POINT":
        return moved
    if not moved.determinant():
        raise trouble
    return moved.inverted()

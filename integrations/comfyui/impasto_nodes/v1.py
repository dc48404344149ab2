"""Nodes for a ComfyUI without the schema of `comfy_api.latest`.

This module has the names of `comfy_api.latest.io` that the nodes use, so that one declaration serves both. `mappings`
turns the declaration into the class attributes that an older ComfyUI reads.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any


@dataclass
class _Input:
    """An input, with keyword arguments in the form of the older ComfyUI."""

    type: Any
    id: str
    optional: bool = False
    shown: dict = field(default_factory=dict)


@dataclass
class _Output:
    type: str
    display_name: str = ""


class Custom:
    """A type of values with a name."""

    def __init__(self, type_name):
        self.Input = partial(_input, type_name)
        self.Output = partial(_Output, type_name)


def _input(type_name, id, *, optional=False, **shown):  # noqa: A002  ComfyUI's name
    return _Input(type_name, id, optional, {name: value for name, value in shown.items() if value is not None})


class Combo:
    """A choice; its type is the list of choices."""

    @staticmethod
    def Input(id, *, options, **shown):  # noqa: A002, N802  ComfyUI's names
        return _input(options, id, **shown)


Boolean, Float, Image, Int, Mask, String = map(Custom, ("BOOLEAN", "FLOAT", "IMAGE", "INT", "MASK", "STRING"))


@dataclass
class Schema:
    """A node's declaration; `comfy_api.latest.io.Schema` documents the fields."""

    node_id: str
    display_name: str
    category: str
    description: str
    inputs: list
    outputs: list


class NodeOutput(tuple):
    """A node's results."""

    __slots__ = ()

    def __new__(cls, *values):
        return super().__new__(cls, values)


class ComfyNode:
    """Base of all nodes. Its declaration is read again whenever the page is loaded."""

    FUNCTION = "execute"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802  ComfyUI's name
        found = {"required": {}, "optional": {}}
        for one in cls.define_schema().inputs:
            found["optional" if one.optional else "required"][one.id] = (one.type, one.shown)
        return found


def mappings(nodes):
    """Add the attributes of the older ComfyUI to node classes.

    Returns:
        NODE_CLASS_MAPPINGS and NODE_DISPLAY_NAME_MAPPINGS.
    """
    schemas = [node.define_schema() for node in nodes]
    for node, schema in zip(nodes, schemas, strict=True):
        node.CATEGORY, node.DESCRIPTION = schema.category, schema.description
        node.RETURN_TYPES = tuple(output.type for output in schema.outputs)
        node.RETURN_NAMES = tuple(output.display_name or output.type for output in schema.outputs)
        if hasattr(node, "fingerprint_inputs"):
            node.IS_CHANGED = node.fingerprint_inputs
    classes = {schema.node_id: node for node, schema in zip(nodes, schemas, strict=True)}
    return classes, {schema.node_id: schema.display_name for schema in schemas}

"""ComfyUI as the node pack sees it: a stand-in for its modules, and a small runner of its workflows.

The stand-in has the names, arguments and behavior of ComfyUI that the pack uses, and no others. A call that ComfyUI
does not take fails here, too.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from helpers import ROOT

PACK = ROOT / "integrations" / "comfyui" / "impasto_nodes"
MODULES = ("comfy", "comfy.model_management", "comfy.utils", "comfy_api", "comfy_api.latest")


class Interrupted(BaseException):
    """What ComfyUI raises in a node that the user has stopped."""


@dataclass
class Host:
    """What ComfyUI has been told, and what its user does.

    Attributes:
        progress: the share that is done, each time.
        previews: the pictures that came with it.
        stop_at: the user stops the work at that share.
        room: bytes that models were unloaded for.
        computes_on: the device that ComfyUI computes on.
        nodes: what the pack has registered: {node id: class}.
        names: {node id: the name that the user sees}.
    """

    progress: list[float] = field(default_factory=list)
    previews: list[Any] = field(default_factory=list)
    stop_at: float = 2.0
    stopped: bool = False
    room: list[int] = field(default_factory=list)
    computes_on: str = "cpu"
    nodes: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def inputs(self, node_id: str) -> dict[str, tuple[Any, dict[str, Any]]]:
        """{input's name: (type, options)} in the page's order; a combo's type is the list of its choices."""
        found = self.nodes[node_id].INPUT_TYPES()
        return {**found["required"], **found.get("optional", {})}

    def run(self, node_id: str, **values: Any) -> tuple[Any, ...]:
        """Run a node as ComfyUI does: in inference mode, with defaults for the widgets that are not given."""
        defaults = {name: shown["default"] for name, (_, shown) in self.inputs(node_id).items() if "default" in shown}
        with torch.inference_mode():
            made = self.nodes[node_id].execute(**{**defaults, **values})
        return tuple(getattr(made, "args", made))


def _management(host: Host) -> ModuleType:
    module = ModuleType("comfy.model_management")

    def raise_if_stopped() -> None:
        if host.stopped:
            host.stopped = False
            raise Interrupted

    module.processing_interrupted = lambda: host.stopped
    module.throw_exception_if_processing_interrupted = raise_if_stopped
    module.get_torch_device = lambda: torch.device(host.computes_on)
    module.free_memory = lambda memory_required, device: host.room.append(memory_required)
    return module


def _utils(host: Host) -> ModuleType:
    module = ModuleType("comfy.utils")

    class ProgressBar:
        def __init__(self, total: int) -> None:
            self.total = total

        def update_absolute(self, value: int, total: int | None = None, preview: Any = None) -> None:
            host.progress.append(value / self.total)
            if preview is not None:
                host.previews.append(preview)
            if host.progress[-1] >= host.stop_at:
                host.stopped = True

    module.ProgressBar = ProgressBar
    return module


def _api() -> ModuleType:
    """The schema of `comfy_api.latest`: what the nodes use of it."""
    module, io = ModuleType("comfy_api.latest"), ModuleType("io")

    class Input:
        type: Any = None

        def __init__(self, id: str, *, optional: bool = False, tooltip: str = "", **shown: Any) -> None:  # noqa: A002
            unknown = set(shown) - set(self.takes)
            assert not unknown, f"{type(self).__name__} takes no {unknown}"
            self.id, self.optional, self.shown = id, optional, {"tooltip": tooltip or None, **shown}

        takes: tuple[str, ...] = ()

        def declared(self) -> tuple[Any, dict[str, Any]]:
            return self.type, {name: value for name, value in self.shown.items() if value is not None}

    class Output:
        type: str

        def __init__(self, id: str | None = None, display_name: str | None = None) -> None:  # noqa: A002
            self.display_name = display_name

    def custom(name: str, *takes: str) -> Any:
        kind = type(name, (), {})
        kind.Input = type(f"{name}.Input", (Input,), {"type": name, "takes": takes})
        kind.Output = type(f"{name}.Output", (Output,), {"type": name})
        return kind

    io.Custom, io.Image, io.Mask = custom, custom("IMAGE"), custom("MASK")
    io.Float = custom("FLOAT", "default", "min", "max", "step")
    io.Int = custom("INT", "default", "min", "max", "step")
    io.Boolean, io.String = custom("BOOLEAN", "default"), custom("STRING", "default")
    io.Combo = custom("COMBO", "options", "default")

    @dataclass
    class Schema:
        node_id: str
        display_name: str
        category: str
        description: str
        inputs: list[Any]
        outputs: list[Any]

    class NodeOutput:
        def __init__(self, *args: Any) -> None:
            self.args = args

    class ComfyNode:
        @classmethod
        def INPUT_TYPES(cls) -> dict[str, Any]:
            found: dict[str, Any] = {"required": {}}
            for one in cls.define_schema().inputs:
                kind, shown = one.declared()
                if kind == "COMBO":
                    kind = shown.pop("options")
                found.setdefault("optional" if one.optional else "required", {})[one.id] = (kind, shown)
            return found

    class ComfyExtension:
        pass

    io.Schema, io.NodeOutput, io.ComfyNode = Schema, NodeOutput, ComfyNode
    module.io, module.ComfyExtension = io, ComfyExtension
    return module


def load(monkeypatch: pytest.MonkeyPatch, schema: bool) -> Host:
    """Load the pack as ComfyUI does when it starts.

    Args:
        schema: ComfyUI has `comfy_api.latest`; else it is an older one.
    """
    host = Host()
    made = {
        "comfy": ModuleType("comfy"),
        "comfy.model_management": _management(host),
        "comfy.utils": _utils(host),
        "comfy_api": ModuleType("comfy_api"),
        "comfy_api.latest": _api() if schema else None,
    }
    made["comfy"].model_management = made["comfy.model_management"]
    for name, module in made.items():
        monkeypatch.setitem(sys.modules, name, module)
    name = str(PACK).replace(".", "_x_")  # so ComfyUI calls a pack's module
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        monkeypatch.delitem(sys.modules, known)
    found = importlib.util.spec_from_file_location(name, PACK / "__init__.py")
    assert found is not None
    assert found.loader is not None
    pack = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, name, pack)
    found.loader.exec_module(pack)
    if hasattr(pack, "NODE_CLASS_MAPPINGS"):  # which ComfyUI looks for first
        host.nodes, host.names = pack.NODE_CLASS_MAPPINGS, pack.NODE_DISPLAY_NAME_MAPPINGS
        return host
    for node in asyncio.run(asyncio.run(pack.comfy_entrypoint()).get_node_list()):
        declared = node.define_schema()
        node.RETURN_TYPES = [output.type for output in declared.outputs]
        host.nodes[declared.node_id], host.names[declared.node_id] = node, declared.display_name
    return host


# ComfyUI's own nodes that the workflows use: their widgets in the page's order.
OWN_WIDGETS = {"LoadImage": ("image", "upload"), "SaveImage": ("filename_prefix",), "MarkdownNote": ("",)}


def widgets(host: Host, kind: str) -> tuple[str, ...]:
    """A node's widgets in the order in which a workflow holds their values."""
    if kind in OWN_WIDGETS:
        return OWN_WIDGETS[kind]
    sockets = ("IMAGE", "MASK", "IMPASTO_STYLE")
    return tuple(name for name, (type_, _) in host.inputs(kind).items() if type_ not in sockets)


def run_workflow(path: Path, host: Host, load_image: Callable[[str], tuple[Any, Any]]) -> list[torch.Tensor]:
    """Execute a saved workflow; returns what its Save Image nodes get.

    Args:
        load_image: in place of the node Load Image: the title of the node to (IMAGE, MASK).
    """
    graph = json.loads(path.read_text(encoding="utf-8"))
    nodes = {node["id"]: node for node in graph["nodes"]}
    origins = {link[0]: (link[1], link[2]) for link in graph["links"]}
    made: dict[int, tuple[Any, ...]] = {}

    def result(node_id: int) -> tuple[Any, ...]:
        if node_id not in made:
            made[node_id] = execute(nodes[node_id])
        return made[node_id]

    def execute(node: dict[str, Any]) -> tuple[Any, ...]:
        if node["type"] == "LoadImage":
            return load_image(node.get("title", ""))
        linked = {one["name"]: origins[one["link"]] for one in node["inputs"] if one["link"] is not None}
        values = dict(zip(widgets(host, node["type"]), node.get("widgets_values", []), strict=True))
        return host.run(
            node["type"], **values, **{name: result(origin)[slot] for name, (origin, slot) in linked.items()}
        )

    saved = [node for node in graph["nodes"] if node["type"] == "SaveImage"]
    return [result(origins[node["inputs"][0]["link"]][0])[0] for node in saved]

"""Networks of other programs, written out: random weights under their names, and what they compute."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from impasto.nn.transformer import Architecture, TransformerNet
from impasto.nn.vgg import BLOCKS, WIDTHS

POSITIONS = {
    16: (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    19: (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
}


def torchvision_like(depth: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights under torchvision's names."""
    generator = torch.Generator().manual_seed(seed)
    widths = [width for width, count in zip(WIDTHS, BLOCKS[depth], strict=True) for _ in range(count)]
    tensors, cin = {}, 3
    for position, width in zip(POSITIONS[depth], widths, strict=True):
        spread = (2 / (9 * cin)) ** 0.5
        tensors[f"features.{position}.weight"] = torch.randn(width, cin, 3, 3, generator=generator) * spread
        tensors[f"features.{position}.bias"] = torch.randn(width, generator=generator) * 0.1
        cin = width
    return tensors


def example_state(width: int = 32, blocks: int = 5, seed: int = 0) -> dict[str, Tensor]:
    """Random weights under the names and in the shapes that PyTorch's fast_neural_style example saves."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {
        "conv1.conv2d": (width, 3, 9, 9),
        "conv2.conv2d": (2 * width, width, 3, 3),
        "conv3.conv2d": (4 * width, 2 * width, 3, 3),
        "deconv1.conv2d": (2 * width, 4 * width, 3, 3),
        "deconv2.conv2d": (width, 2 * width, 3, 3),
        "deconv3.conv2d": (3, width, 9, 9),
    }
    norms = {"in1": width, "in2": 2 * width, "in3": 4 * width, "in4": 2 * width, "in5": width}
    for index in range(1, blocks + 1):
        for half in (1, 2):
            shapes[f"res{index}.conv{half}.conv2d"] = (4 * width, 4 * width, 3, 3)
            norms[f"res{index}.in{half}"] = 4 * width
    state = {}
    for name, shape in shapes.items():
        fan = shape[1] * shape[2] * shape[3]
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) / fan**0.5
        state[f"{name}.bias"] = torch.randn(shape[0], generator=generator) * 0.1
    for name, channels in norms.items():
        state[f"{name}.weight"] = torch.rand(channels, generator=generator) + 0.5
        state[f"{name}.bias"] = torch.randn(channels, generator=generator) * 0.1
    state["deconv3.conv2d.weight"] *= 40
    state["deconv3.conv2d.bias"] += 120
    return state


def reference(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The example's forward pass, written from its description: pictures in 0..255 in and out."""

    def convolve(x: Tensor, key: str, stride: int = 1) -> Tensor:
        weight = state[f"{key}.conv2d.weight"]
        border = weight.shape[-1] // 2
        return F.conv2d(F.pad(x, [border] * 4, mode="reflect"), weight, state[f"{key}.conv2d.bias"], stride)

    def norm(x: Tensor, key: str) -> Tensor:
        return F.instance_norm(x, weight=state[f"{key}.weight"], bias=state[f"{key}.bias"], eps=1e-5)

    def up(x: Tensor) -> Tensor:
        return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    y = F.relu(norm(convolve(x, "conv1"), "in1"))
    y = F.relu(norm(convolve(y, "conv2", 2), "in2"))
    y = F.relu(norm(convolve(y, "conv3", 2), "in3"))
    for index in range(1, 6):
        inner = F.relu(norm(convolve(y, f"res{index}.conv1"), f"res{index}.in1"))
        y = y + norm(convolve(inner, f"res{index}.conv2"), f"res{index}.in2")
    y = F.relu(norm(convolve(up(y), "deconv1"), "in4"))
    y = F.relu(norm(convolve(up(y), "deconv2"), "in5"))
    return convolve(y, "deconv3")


def trained(styles: int = 1, seed: int = 0) -> TransformerNet:
    """A network whose layers do something."""
    torch.manual_seed(seed)
    net = TransformerNet(Architecture(8, 2, styles))
    for name, value in net.named_parameters():
        if "in" in name.rpartition(".")[0].rpartition(".")[2]:
            value.data += torch.randn_like(value) * 0.2
    return net.eval()


def foreign(fixed: bool, low: float, high: float, broken: bool = False) -> bytes:
    """An .onnx file as other programs write them: no metadata; it inverts the picture."""
    sides = [48, 64] if fixed else ["h", "w"]
    pictures = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, *sides]) for name in ("input1", "output1")
    ]
    total = numpy_helper.from_array(np.array([low + high], np.float32), "total")
    spread = numpy_helper.from_array(np.array([0.5 if broken else 1], np.float32), "spread")
    nodes = [
        helper.make_node("Mul", ["input1", "spread"], ["same"]),
        helper.make_node("Sub", ["total", "same"], ["output1"]),
    ]
    if broken:
        nodes = [helper.make_node("ReduceMean", ["input1"], ["output1"], axes=[2, 3])]
    graph = helper.make_graph(nodes, "g", pictures[:1], pictures[1:], [total, spread])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def foreign_norm(opset: int = 13) -> bytes:
    """An .onnx file of another program with one instance normalization."""
    pictures = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "h", "w"]) for name in ("x", "y")]
    constants = [
        numpy_helper.from_array(np.full(3, value, np.float32), name) for name, value in (("scale", 0.2), ("shift", 0.5))
    ]
    node = helper.make_node("InstanceNormalization", ["x", "scale", "shift"], ["y"])
    graph = helper.make_graph([node], "g", pictures[:1], pictures[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(model.SerializeToString())

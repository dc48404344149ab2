"""Convert three published networks into those of src/impasto/assets/person.

    git clone --depth 1 https://github.com/intel/openvino-ai-plugins-gimp
    git clone --depth 1 https://github.com/anilsathyan7/Portrait-Segmentation
    git clone --depth 1 https://github.com/ShiqiYu/libfacedetection.train
    python tools/build_person.py openvino-ai-plugins-gimp/weights/semseg-ov/deeplabv3.xml \\
        Portrait-Segmentation/SINet/SINet_Softmax.onnx libfacedetection.train/onnx/yunet_n_dynamic.onnx

DeepLabV3 (MobileNetV2, 21 classes of PASCAL VOC) is published in OpenVINO's format, in half precision. Changes:

- The input is 1 x 3 x H x W of any size, RGB, 0..255. The published file only takes 513 x 513.
- The output is one map at an eighth of that size: the logit of "person" against all other classes together.
- Large convolutions have 8 bits a weight.
- The pooled branch is added as a bias. The result equals that of enlarging and concatenating it.

The other two files also list their weights as inputs, which keeps ONNX Runtime from optimizing. The script removes
these entries and changes nothing else.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OUT = Path(__file__).parents[1] / "src/impasto/assets/person"
LARGE = 4096  # weights; convolutions with more are stored in 8 bits
PERSON = 15  # of PASCAL VOC's classes
CLASSES = 21
_KINDS = {"f16": np.float16, "f32": np.float32, "i64": np.int64}


class Source:
    """The layers of an OpenVINO file, and the inputs of each."""

    def __init__(self, path: Path) -> None:
        root = ElementTree.parse(path).getroot()  # noqa: S314  the file that the docstring names
        self.data = path.with_suffix(".bin").read_bytes()
        self.layers = {str(layer.get("id")): layer for layer in root.iter("layer")}
        edges = sorted(root.iter("edge"), key=lambda edge: int(edge.get("to-port") or 0))
        self.inputs: dict[str, list[str]] = {key: [] for key in self.layers}
        for edge in edges:
            self.inputs[str(edge.get("to-layer"))].append(str(edge.get("from-layer")))

    def kind(self, key: str) -> str:
        return str(self.layers[key].get("type"))

    def details(self, key: str) -> dict[str, str]:
        found = self.layers[key].find("data")
        return {} if found is None else dict(found.attrib)

    def constant(self, key: str) -> Any:
        """Return a constant, converted to float32."""
        if self.kind(key) in ("Convert", "Reshape"):
            return self.constant(self.inputs[key][0])
        said = self.details(key)
        shape = [int(side) for side in said["shape"].split(",") if side.strip()]
        start, size = int(said["offset"]), int(said["size"])
        return np.frombuffer(self.data[start : start + size], _KINDS[said["element_type"]]).reshape(shape)


class Graph:
    """An ONNX graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def weight(self, values: Any) -> str:
        """Add the weights of a convolution; store large ones in 8 bits with a scale for every output channel."""
        if values.size < LARGE:
            return self.constant(values)
        scales = np.abs(values.astype(np.float32)).max(axis=(1, 2, 3), keepdims=True) / np.float32(127)
        whole = self.add("Cast", self.constant(np.rint(values / scales).astype(np.int8)), to=TensorProto.FLOAT)
        return self.add("Mul", whole, self.constant(scales))

    def constant(self, values: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return self.add("Cast", name, to=TensorProto.FLOAT) if values.dtype == np.float16 else name


def convert(source: Source) -> onnx.ModelProto:
    graph, names = Graph(), {}
    (result,) = [key for key in source.layers if source.kind(key) == "Result"]

    def name_of(key: str) -> str:
        if key not in names:
            names[key] = made(key)
        return names[key]

    def made(key: str) -> str:
        kind, said, inputs = source.kind(key), source.details(key), source.inputs[key]
        if kind == "Parameter":
            return "photo"
        if kind in ("Transpose", "Interpolate"):  # channels are first already, and the logits stay at an eighth
            return name_of(inputs[0])
        if kind in ("Const", "Convert"):
            return graph.constant(source.constant(key))
        if kind in ("Convolution", "GroupConvolution"):
            return convolution(source.constant(inputs[1]), inputs[0], said)
        if kind == "Clamp":
            low, high = (np.float32(said[end]) for end in ("min", "max"))
            return graph.add("Clip", name_of(inputs[0]), graph.constant(low), graph.constant(high))
        if kind == "AvgPool":
            return graph.add("GlobalAveragePool", name_of(inputs[0]))
        simple = {"Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "ReLU": "Relu"}
        return graph.add(simple[kind], *(name_of(one) for one in inputs))

    def convolution(weights: Any, above: str, said: dict[str, str]) -> str:
        if source.kind(above) == "Concat":
            parts, start = [], 0
            for one in source.inputs[above]:
                count = channels_of(one)
                parts.append(graph.add("Conv", name_of(one), graph.weight(weights[:, start : start + count])))
                start += count
            return graph.add("Add", *parts)
        numbers = {name: [int(one) for one in said[name].split(",")] for name in ("strides", "dilations")}
        group = 1
        if weights.ndim == 5:
            group, weights = len(weights), weights.reshape(-1, *weights.shape[2:])
        reach = numbers["dilations"][0] * (weights.shape[2] - 1) // 2  # padding for odd sizes, such as the photo's
        return graph.add("Conv", name_of(above), graph.weight(weights), group=group, pads=[reach] * 4, **numbers)

    def channels_of(key: str) -> int:
        while source.kind(key) not in ("Convolution", "GroupConvolution"):
            key = source.inputs[key][0]
        return len(source.constant(source.inputs[key][1]))

    top = source.inputs[result][0]
    while source.kind(top) in ("Squeeze", "TopK"):
        top = source.inputs[top][0]
    logits = name_of(top)
    person = graph.add("Gather", logits, graph.constant(np.array([PERSON], np.int64)), axis=1)
    others = np.array([one for one in range(CLASSES) if one != PERSON], np.int64)
    rest = graph.add("ReduceLogSumExp", graph.add("Gather", logits, graph.constant(others), axis=1), axes=[1])
    graph.nodes.append(helper.make_node("Sub", [person, rest], ["person"]))
    built = helper.make_graph(
        graph.nodes,
        "person",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("person", TensorProto.FLOAT, [1, 1, "h", "w"])],
        graph.weights,
    )
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def tidied(path: Path) -> onnx.ModelProto:
    """Load a network and remove its weights from the list of inputs."""
    model = onnx.load(path)
    weights = {one.name for one in model.graph.initializer}
    for one in [one for one in model.graph.input if one.name in weights]:
        model.graph.input.remove(one)
    onnx.checker.check_model(model)
    return model


if __name__ == "__main__":
    deeplab, sinet, yunet = map(Path, sys.argv[1:])
    made = {"person": convert(Source(deeplab)), "portrait": tidied(sinet), "faces": tidied(yunet)}
    for name, model in made.items():
        onnx.save(model, OUT / f"{name}.onnx")
        print(f"{name}.onnx: {(OUT / f'{name}.onnx').stat().st_size / 1e6:.2f} MB")

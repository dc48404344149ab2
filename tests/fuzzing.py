"""Broken files of every kind, and a child process that gives them to the command line.

python tests/fuzzing.py --count 5000     # what went wrong, and how long and how large the worst were
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import re
import select
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from helpers import file_bytes, scene
from networks import example_state
from PIL import Image, ImageCms

from impasto.picture import Picture

SLOWEST = 10.0  # seconds
MOST = 1_500_000_000  # bytes that one input may take
PIXELS = 10_000_000  # that a picture may have
_PNG = b"\x89PNG\r\n\x1a\n"
_CLIPS = (
    ("mp4", "libx264", "aac"),
    ("mov", "prores_ks", "pcm_s16le"),
    ("mkv", "ffv1", "flac"),
    ("webm", "libvpx-vp9", "libopus"),
    ("avi", "mpeg4", "mp3"),
    ("ts", "mpeg2video", "mp2"),
    ("mpg", "mpeg1video", "mp2"),
    ("flv", "flv1", "mp3"),
    ("ogv", "libtheora", "libvorbis"),
    ("3gp", "h263", None),
    ("mxf", "mpeg2video", None),
    ("nut", "huffyuv", None),
)


class Seed(NamedTuple):
    """A whole file."""

    suffix: str
    data: bytes


def pictures() -> list[Seed]:
    """Stills and animations of many formats, with metadata."""
    picture = Image.fromarray(scene(160, 120))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description " * 20
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    found = [
        Seed(suffix, file_bytes(picture, kind, **options))
        for suffix, kind, options in (
            (".jpg", "JPEG", {"quality": 90, "exif": exif, "icc_profile": profile, "xmp": xmp}),
            (".jpg", "JPEG", {"progressive": True, "quality": 60}),
            (".png", "PNG", {"icc_profile": profile, "exif": exif}),
            (".png", "PNG", {"compress_level": 0}),
            (".webp", "WEBP", {"exif": exif, "quality": 80, "xmp": xmp}),
            (".tif", "TIFF", {"compression": "tiff_deflate", "exif": exif}),
            (".tif", "TIFF", {}),
            (".bmp", "BMP", {}),
            (".avif", "AVIF", {"quality": 60}),
        )
    ]
    found += [  # formats of scanners, games and old programs
        Seed(suffix, file_bytes(picture, kind, **options))
        for suffix, kind, options in (
            (".tga", "TGA", {"compression": "tga_rle"}),
            (".ico", "ICO", {"sizes": [(48, 48)]}),
            (".pcx", "PCX", {}),
            (".sgi", "SGI", {}),
            (".dds", "DDS", {"pixel_format": "DXT1"}),
            (".ppm", "PPM", {}),
        )
    ]
    small = Image.fromarray(scene(40, 30))  # of what takes long to read
    found += [Seed(".jp2", file_bytes(small, "JPEG2000")), Seed(".qoi", file_bytes(small, "QOI"))]
    icon = file_bytes(Image.fromarray(scene(128, 128)))
    found.append(Seed(".icns", struct.pack(">4sI4sI", b"icns", len(icon) + 16, b"ic07", len(icon) + 8) + icon))
    found += [Seed(".psd", _psd(scene(40, 30))), *_deep_tiffs()]
    rich = file_bytes(picture, "JPEG", exif=_full_exif(), xmp=xmp, comment=b"a comment")
    found.append(Seed(".jpg", rich[:2] + _IPTC + rich[2:]))
    found.append(Seed(".png", Picture(scene(60, 50)).encode("PNG", bits=16)))
    for suffix, kind in ((".gif", "GIF"), (".webp", "WEBP"), (".png", "PNG"), (".avif", "AVIF")):
        frames = [Image.fromarray(scene(80, 60, seed)) for seed in range(4)]
        found.append(Seed(suffix, file_bytes(frames[0], kind, save_all=True, append_images=frames[1:])))
    return found


_TEXT = b"8BIM\x04\x04\0\0\0\0\0\x0a\x1c\x02\x78\0\x05words"  # IPTC's caption in Photoshop's block
_IPTC = b"\xff\xed" + (16 + len(_TEXT)).to_bytes(2, "big") + b"Photoshop 3.0\0" + _TEXT


def _full_exif() -> Image.Exif:
    """With directories for the camera and the place, and a name in another script."""
    exif = Image.Exif()
    exif[0x0112], exif[0x013B], exif[0x9C9D] = 8, "J\u00f6rg", "\u5b57".encode("utf-16-le")
    exif.get_ifd(0x8769).update({0x9003: "2024:05:01 10:00:00", 0x927C: b"maker" * 9, 0xA002: 160, 0xA003: 120})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0), 3: "E", 4: (11.0, 34.0, 0.0)})
    return exif


def _psd(pixels: np.ndarray) -> bytes:
    """A flat Photoshop file."""
    height, width = pixels.shape[:2]
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, height, width, 8, 3)
    return header + bytes(12) + b"\0\0" + pixels.transpose(2, 0, 1).tobytes()


def _deep_tiffs() -> list[Seed]:
    """In 16 bits and floats, in tiles, planes and strips."""
    import tifffile

    found = []
    deep = scene(96, 64).astype(np.uint16) * 257
    for samples, options in (
        (deep, {"tile": (32, 32), "compression": "zlib", "predictor": True}),
        (deep.transpose(2, 0, 1), {"planarconfig": "separate"}),
        ((deep / 65535).astype(np.float32), {"rowsperstrip": 8, "bigtiff": True}),
    ):
        out = io.BytesIO()
        tifffile.imwrite(out, np.ascontiguousarray(samples), photometric="rgb", **options)
        found.append(Seed(".tif", out.getvalue()))
    return found


def masks() -> list[Seed]:
    """Shapes in gray, in a palette, in transparency, in 16 bits, and in a clip's frames."""
    shape = np.zeros((60, 80), np.uint8)
    shape[10:40, 20:60] = 255
    labels = Image.fromarray(shape // 255)
    labels.putpalette([0, 0, 0, 128, 0, 0])
    hole = np.dstack([np.zeros((60, 80, 3), np.uint8), shape])
    whole = (Image.fromarray(shape), labels, Image.fromarray(hole), Image.fromarray(shape.astype(np.uint16) * 257))
    return [Seed(".png", file_bytes(image)) for image in whole] + [
        Seed(".webp", file_bytes(hole, "WEBP")),
        Seed(".tif", file_bytes(shape, "TIFF")),
    ]


def clips(count: int = 5) -> list[Seed]:
    """The same few frames in as many containers as FFmpeg writes here, with sound."""
    import av

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix, codec, sound in _CLIPS:
            path = Path(folder) / f"whole.{suffix}"
            try:
                _write_clip(av, path, codec, sound, count)
            except (av.FFmpegError, ValueError, LookupError):  # this FFmpeg has no such encoder
                continue
            found.append(Seed(path.suffix, path.read_bytes()))
        rich = Path(folder) / "rich.mkv"
        _write_rich_clip(av, rich, count)
        found.append(Seed(".mkv", rich.read_bytes()))
        clear = Path(folder) / "clear.mov"
        _write_clip(av, clear, "qtrle", None, count, "argb")
        found.append(Seed(".mov", clear.read_bytes()))
    turned = found[0].data.replace(_UPRIGHT, _TURNED)
    return [*found, Seed(".mp4", turned)]


_UPRIGHT = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_TURNED = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)


def _write_rich_clip(av: Any, path: Path, count: int) -> None:
    """With chapters, titles, another shape of pixels, and a picture that is attached."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(30000, 1001))
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p10le"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 15)
        stream.metadata["language"] = container.metadata["title"] = "deu"
        halves = [{"id": i, "start": i, "end": i + 1, "time_base": Fraction(1, 10), "metadata": {}} for i in range(2)]
        container.set_chapters(halves)
        for index in range(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene(96, 64, index), format="rgb24")))
        container.mux(stream.encode(None))


def _write_clip(av: Any, path: Path, codec: str, sound: str | None, count: int, pixels: str = "yuv420p") -> None:
    width, height = (128, 96) if codec == "h263" else (96, 64)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = width, height
        stream.pix_fmt = {"prores_ks": "yuv422p10le", "huffyuv": "yuv422p"}.get(codec, pixels)
        voice = container.add_stream(sound, rate=48_000, layout="stereo") if sound else None
        for index in range(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene(width, height, index), format="rgb24")))
        container.mux(stream.encode(None))
        if voice is not None:
            for index in range(9):
                chunk = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 960), np.int16), format="s16", layout="stereo")
                chunk.sample_rate, chunk.pts = 48_000, index * 960
                container.mux(voice.encode(chunk))
            container.mux(voice.encode(None))


def networks() -> list[Seed]:
    """Networks with channels first and last, in other types and sizes, and tensors in several wrappings."""
    import torch
    from onnx import TensorProto
    from safetensors.torch import save

    state = example_state(4)
    found = [
        Seed(".onnx", _network(TensorProto.FLOAT, [1, 3, "height", "width"])),
        Seed(".onnx", _network(TensorProto.FLOAT16, [1, 3, "height", "width"])),
        Seed(".onnx", _network(TensorProto.FLOAT, [1, "height", "width", 3])),
        Seed(".onnx", _network(TensorProto.FLOAT, [1, 3, 64, 64])),
        Seed(".safetensors", save(state)),
    ]
    for saved in (
        state,
        {"state_dict": {f"model._orig_mod.{name}": value for name, value in state.items()}, "epoch": 3},
        {"params_ema": {name: value.half() for name, value in state.items()}, "optimizer": {"state": {}}},
    ):
        out = io.BytesIO()
        torch.save(saved, out)
        found.append(Seed(".pth", out.getvalue()))
    return found


def _network(kind: int, shape: list[int | str]) -> bytes:
    """A convolution and an instance normalization as an .onnx file."""
    from onnx import helper, numpy_helper

    weights = np.zeros((3, 3, 3, 3), np.float32)
    weights[(0, 1, 2), (0, 1, 2), 1, 1] = 0.8
    float_type = helper.tensor_dtype_to_np_dtype(kind)
    constants = {"weights": weights, "scale": np.full(3, 0.3), "shift": np.full(3, 0.5)}
    nodes = [
        helper.make_node("Conv", ["seen", "weights"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("InstanceNormalization", ["a", "scale", "shift"], ["b"]),
    ]
    last = shape[-1] == 3
    for name, given, taken, order in (
        ("Transpose", "photo", "seen", [0, 3, 1, 2]),
        ("Transpose", "b", "painted", [0, 2, 3, 1]),
    ):
        turn = helper.make_node(name if last else "Identity", [given], [taken], **({"perm": order} if last else {}))
        nodes.insert(0 if given == "photo" else len(nodes), turn)
    graph = helper.make_graph(
        nodes,
        "painter",
        [helper.make_tensor_value_info("photo", kind, shape)],
        [helper.make_tensor_value_info("painted", kind, shape)],
        [numpy_helper.from_array(value.astype(float_type), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


SEEDS = {"photo": pictures, "style": pictures, "mask": masks, "clip": clips, "moving mask": clips, "network": networks}
"""Whole files of every kind of input."""


def broken(seeds: list[Seed], chance: random.Random, number: int) -> tuple[str, Seed]:
    """How a file was broken, and the file."""
    suffix, whole = chance.choice(seeds)
    data = bytearray(whole)
    kind = ("cut", "flip", "burst", "numbers", "splice", "noise", "twice", "structure")[number % 8]
    place = chance.randrange(len(data))
    if kind == "cut":
        del data[1024 * chance.randrange(len(data) // 1024 + 1) + chance.randrange(2) :]
    elif kind == "flip":
        for _ in range(chance.choice((1, 4, 64))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif kind == "burst":
        data[place : place + 64] = chance.randbytes(64)
    elif kind == "numbers":  # in the headers: sizes, offsets, counts
        for _ in range(4):
            at = chance.randrange(min(len(data), 256))
            data[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0"))
    elif kind == "splice":
        data[place:] = chance.choice(seeds).data[place:]
    elif kind == "structure":
        data = bytearray(_other_model(whole, chance) if suffix == ".onnx" else _other_boxes(whole, chance))
    elif kind == "noise":
        data = bytearray(bytes(data[: chance.randrange(16)]) + chance.randbytes(chance.randrange(4000)))
    else:
        data = data[: place + 1] + data
    if data.startswith(_PNG) and chance.random() < 0.5:
        _mend_checksums(data)
    return kind, Seed(suffix, bytes(data))


def _other_boxes(whole: bytes, chance: random.Random) -> bytes:
    """A file whose boxes or chunks, found by their names, have other sizes, or lie twice or not at all."""
    data = bytearray(whole)
    names = [found.start() for found in re.finditer(rb"[A-Za-z]{4}", whole) if found.start() >= 4]
    for at in chance.sample(names, min(len(names), 2)):
        size = int.from_bytes(data[at - 4 : at], "big")
        what = chance.randrange(4)
        if what < 2 or not 8 <= size <= len(data) - at:
            other = chance.choice((0, 1, 7, size + chance.randrange(-9, 10), 2 * size, 2**31 - 1, 2**32 - 1))
            data[at - 4 : at] = (other % 2**32).to_bytes(4, "big")
        elif what == 2:
            del data[at - 4 : at - 4 + size]
            break
        else:
            data[at - 4 : at - 4] = data[at - 4 : at - 4 + size]
            break
    return bytes(data)


def _other_model(whole: bytes, chance: random.Random) -> bytes:
    """A model of whose nodes, types, shapes and attributes some are others, in a file that is sound."""
    import onnx

    model = onnx.load_from_string(whole)
    graph = model.graph
    for _ in range(chance.randrange(1, 4)):
        node, tensor = chance.choice(graph.node), chance.choice(graph.initializer)
        value = chance.choice([*graph.input, *graph.output]).type.tensor_type
        what = chance.randrange(8)
        if what == 0:
            value.elem_type = chance.randrange(20)
        elif what == 1:
            chance.choice(value.shape.dim).dim_value = chance.choice((-1, 0, 1, 2, 4, 64, 100_000, 2**40))
        elif what == 2:
            tensor.dims[chance.randrange(len(tensor.dims))] = chance.choice((0, 1, 3, 5, 2**40))
        elif what == 3:
            tensor.data_type = chance.randrange(20)
        elif what == 4:
            node.op_type = chance.choice(
                ("Resize", "Reshape", "Pad", "Loop", "ConstantOfShape", "Expand", "Conv", "Gather")
            )
        elif what == 5 and node.attribute:
            attribute = chance.choice(node.attribute)
            if attribute.ints:
                attribute.ints[0] = chance.choice((-1, 0, 7, 2**31, 2**60))
        elif what == 6:
            node.input[chance.randrange(len(node.input))] = chance.choice(("", "photo", "painted", "weights"))
        else:
            model.opset_import[0].version = chance.choice((0, 1, 7, 11, 21, 99))
    return bytes(model.SerializeToString())


def _mend_checksums(data: bytearray) -> None:
    """Give each of a PNG's chunks the checksum of what it holds, so that readers look into it."""
    at = len(_PNG)
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4


class Answer(NamedTuple):
    """What a command did with a broken file.

    Attributes:
        wrong: what no broken file may bring about, or "".
        seconds: of a processor that it took; where it hangs or dies, that were waited.
        peak: bytes of memory at the most, beyond what the process held before; 0 where the system does not say.
    """

    kind: str
    code: int
    wrong: str
    seconds: float
    peak: int


class Victim:
    """A process that runs one command after the other, and is replaced when it dies or hangs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._child: subprocess.Popen[str] | None = None

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def run(self, kind: str, words: list[str]) -> Answer:
        child = self._child or self._started()
        assert child.stdin is not None
        assert child.stdout is not None
        began = time.monotonic()
        child.stdin.write(json.dumps(words) + "\n")
        child.stdin.flush()
        heard, _, _ = select.select([child.stdout], [], [], 6 * SLOWEST)
        line = child.stdout.readline() if heard else ""
        seconds = time.monotonic() - began
        if not line:
            self.close()
            return Answer(kind, -1, "the process died" if heard else "it hangs", seconds, 0)
        code, err, peak, seconds = json.loads(line)
        if peak > MOST:
            self.close()
        return Answer(kind, code, _wrong(code, err, seconds, peak), seconds, peak)

    def _started(self) -> subprocess.Popen[str]:
        self._child = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self.folder,
        )
        return self._child


def _wrong(code: int, err: str, seconds: float, peak: int) -> str:
    if code not in (0, 1, 2):
        return f"exit code {code}: {err[-500:]}"
    if "Traceback" in err or "should not have happened" in err or "unexpected error" in err:
        return err[-500:]
    if code and not err.startswith("impasto: "):
        return f"exit code {code}, and it says {err[-200:]!r}"
    if seconds > SLOWEST:
        return f"{seconds:.1f} s"
    return f"{peak / 1e6:.0f} MB" if peak > MOST else ""


def serve() -> None:
    """Run each command that comes in as a line of JSON; answer with its exit code, its words, memory and time."""
    from impasto.cli.main import main

    answers = sys.stdout
    for line in sys.stdin:
        sys.argv = ["impasto", *json.loads(line)]
        sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8", "replace") for _ in range(2))
        before, began = _peak(begin=True), time.process_time()
        code: object = 0
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code or 0
        except BaseException:
            code = 70
            sys.stderr.write(traceback.format_exc())
        peak = _peak() - before
        sys.stderr.flush()
        err = sys.stderr.buffer.getvalue().decode()  # type: ignore[attr-defined]
        answers.write(json.dumps([code, err, peak, time.process_time() - began]) + "\n")
        answers.flush()


def _peak(begin: bool = False) -> int:
    """Bytes of memory that the process has had at the most, or has now and counts from on."""
    with contextlib.suppress(OSError):
        if begin:
            Path("/proc/self/clear_refs").write_text("5")
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def command(kind: str, broken_file: Path, folder: Path) -> list[str]:
    """The command that meets a broken file of a kind."""
    out = str(folder / "out")
    small = ["--size", "64", "--overwrite", "--max-pixels", str(PIXELS)]
    return {
        "photo": ["stylize", str(broken_file), "--style", "udnie", "-o", f"{out}.png", *small],
        "style": ["stylize", str(folder / "photo.png"), "--style", str(broken_file), "-o", f"{out}.png", *small],
        "mask": [
            *("stylize", str(folder / "photo.png"), "--style", "udnie"),
            *("--region", f"{broken_file}=great-wave", "-o", f"{out}.png", *small),
        ],
        "clip": ["video", str(broken_file), "--style", "udnie", "-o", f"{out}.mp4", "--size", "64", "--overwrite"],
        "moving mask": [
            *("video", str(folder / "clip.mp4"), "--style", "udnie", "--region", f"{broken_file}=great-wave"),
            *("-o", f"{out}.mp4", "--size", "64", "--overwrite"),
        ],
        "network": ["styles", "import", str(broken_file), "--name", "broken", "--overwrite"],
    }[kind]


def answers(count: int, folder: Path, seed: int = 11) -> Iterator[tuple[str, Seed, Answer]]:
    """Give `count` broken files of all kinds in turn to the command line.

    Args:
        folder: for the files.
    Yields:
        how each was broken, the file, and what came of it.
    """
    chance = random.Random(seed)
    whole = {kind: make() for kind, make in SEEDS.items()}
    (folder / "photo.png").write_bytes(file_bytes(scene(80, 60)))
    (folder / "clip.mp4").write_bytes(whole["clip"][0].data)
    victim = Victim(folder)
    try:
        for number in range(count):
            kind = list(SEEDS)[number % len(SEEDS)]
            how, file = broken(whole[kind], chance, number // len(SEEDS))
            path = folder / f"broken{file.suffix}"
            path.write_bytes(file.data)
            yield how, file, victim.run(kind, command(kind, path, folder))
            path.unlink()
    finally:
        victim.close()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--count", type=int, default=5000)
    words.add_argument("--seed", type=int, default=11)
    words.add_argument("--keep", type=Path, default=Path("faults"), help="a folder for the files that did harm")
    words.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = words.parse_args()
    if chosen.serve:
        serve()
        return
    codes: Counter[tuple[str, int]] = Counter()
    slowest = largest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number, (how, file, answer) in enumerate(answers(chosen.count, Path(folder), chosen.seed)):
            codes[answer.kind, answer.code] += 1
            slowest, largest = max(slowest, answer.seconds), max(largest, answer.peak)
            if answer.wrong:
                chosen.keep.mkdir(exist_ok=True)
                kept = chosen.keep / f"{number}-{answer.kind.replace(' ', '-')}-{how}{file.suffix}"
                kept.write_bytes(file.data)
                sys.stdout.write(f"{kept}: {answer.wrong}\n")
                sys.stdout.flush()
    for (kind, code), count in sorted(codes.items()):
        sys.stdout.write(f"{kind}: exit code {code}: {count}\n")
    sys.stdout.write(f"slowest {slowest:.1f} s, most memory {largest / 1e6:.0f} MB\n")


if __name__ == "__main__":
    main()

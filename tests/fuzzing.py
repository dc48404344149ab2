"""Broken files of every kind, and a child process that gives them to the command line.

python tests/fuzzing.py --count 5000     # what went wrong, and how long and how large the worst were
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import select
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from helpers import file_bytes, scene
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
    found.append(Seed(".png", Picture(scene(60, 50)).encode("PNG", bits=16)))
    for suffix, kind in ((".gif", "GIF"), (".webp", "WEBP"), (".png", "PNG")):
        frames = [Image.fromarray(scene(80, 60, seed)) for seed in range(4)]
        found.append(Seed(suffix, file_bytes(frames[0], kind, save_all=True, append_images=frames[1:])))
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
    return found


def _write_clip(av: Any, path: Path, codec: str, sound: str | None, count: int) -> None:
    width, height = (128, 96) if codec == "h263" else (96, 64)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = width, height
        stream.pix_fmt = {"prores_ks": "yuv422p10le", "huffyuv": "yuv422p"}.get(codec, "yuv420p")
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
    """A convolution as an .onnx file, and an empty table of tensors in two formats."""
    import torch
    from onnx import TensorProto, helper, numpy_helper

    weights = np.zeros((3, 3, 3, 3), np.float32)
    weights[(0, 1, 2), (0, 1, 2), 1, 1] = 0.8
    sides = [1, 3, "height", "width"]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["photo", "weights"], ["painted"], pads=[1, 1, 1, 1])],
        "painter",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("painted", TensorProto.FLOAT, sides)],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    out = io.BytesIO()
    torch.save({"conv1.conv2d.weight": torch.zeros(8, 3, 3, 3), "in1.bias": torch.zeros(8)}, out)
    header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    tensors = len(header).to_bytes(8, "little") + header + bytes(8)
    return [Seed(".onnx", model.SerializeToString()), Seed(".pth", out.getvalue()), Seed(".safetensors", tensors)]


SEEDS = {"photo": pictures, "style": pictures, "mask": masks, "clip": clips, "moving mask": clips, "network": networks}
"""Whole files of every kind of input."""


def broken(seeds: list[Seed], chance: random.Random, number: int) -> tuple[str, Seed]:
    """How a file was broken, and the file."""
    suffix, whole = chance.choice(seeds)
    data = bytearray(whole)
    kind = ("cut", "flip", "burst", "numbers", "splice", "noise", "twice")[number % 7]
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
    elif kind == "noise":
        data = bytearray(bytes(data[: chance.randrange(16)]) + chance.randbytes(chance.randrange(4000)))
    else:
        data = data[: place + 1] + data
    if data.startswith(_PNG) and chance.random() < 0.5:
        _mend_checksums(data)
    return kind, Seed(suffix, bytes(data))


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
        seconds: that it took.
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
        heard, _, _ = select.select([child.stdout], [], [], 3 * SLOWEST)
        line = child.stdout.readline() if heard else ""
        seconds = time.monotonic() - began
        if not line:
            self.close()
            return Answer(kind, -1, "the process died" if heard else "it hangs", seconds, 0)
        code, err, peak = json.loads(line)
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
    if "Traceback" in err or "should not have happened" in err:
        return err[-500:]
    if code and not err.startswith("impasto: "):
        return f"exit code {code}, and it says {err[-200:]!r}"
    if seconds > SLOWEST:
        return f"{seconds:.1f} s"
    return f"{peak / 1e6:.0f} MB" if peak > MOST else ""


def serve() -> None:
    """Run each command that comes in as a line of JSON; answer with its exit code, what it said, and its memory."""
    from impasto.cli.main import main

    answers = sys.stdout
    for line in sys.stdin:
        sys.argv = ["impasto", *json.loads(line)]
        sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8", "replace") for _ in range(2))
        before = _peak(begin=True)
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
        answers.write(json.dumps([code, err, peak]) + "\n")
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

"""Broken files: whatever they hold, they are read or refused, soon, and nothing else happens.

IMPASTO_FUZZ=100000 python -m pytest tests/test_fuzz.py     # many more of them
python tests/fuzzing.py --count 5000                        # all kinds by the command line, and what went wrong
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fuzzing import MOST, PIXELS, SEEDS, SLOWEST, answers, broken, pictures
from helpers import Outcome

from impasto.engines.network import Network
from impasto.errors import ImpastoError
from impasto.nn.tensors import read_tensors
from impasto.picture import Picture, vips
from impasto.styles.store import trial_photo

COUNT = int(os.environ.get("IMPASTO_FUZZ", "2000"))
SUFFIXES = (".jpg", ".png", ".webp", ".tif", ".gif", ".bmp", ".avif")


def broken_pictures(count: int) -> Iterator[tuple[str, bytes]]:
    """How each was broken, and its bytes."""
    chance, whole = random.Random(11), pictures()
    for number in range(count):
        kind, (_, data) = broken(whole, chance, number)
        yield f"{number} {kind}", data


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reader", ["pillow", "libvips"])
def test_broken_pictures_are_read_or_refused(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if reader == "libvips":  # as for large files; what it has no answer to, Pillow reads after all
        monkeypatch.setattr(vips, "PIXELS", 0)
    read = refused = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, data in broken_pictures(COUNT):
        began = time.monotonic()
        try:
            pixels = Picture.open(data, max_pixels=PIXELS).pixels
        except ImpastoError as error:
            assert "\n" not in error.message, name
            refused += 1
        except Exception as error:
            pytest.fail(f"{name}: {type(error).__name__}: {error}")
        else:
            assert np.isfinite(pixels).all(), name
            assert pixels.min() >= 0, name
            assert pixels.max() <= 1, name
            read += 1
        assert time.monotonic() - began < SLOWEST, name
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST
    assert read > COUNT // 20
    assert refused > COUNT // 20


def test_the_command_survives_a_folder_of_them(run: Callable[..., Outcome], tmp_path: Path) -> None:
    folder, count = tmp_path / "photos", max(60, COUNT // 10)
    folder.mkdir()
    chance = random.Random(5)
    for number, (_, data) in enumerate(broken_pictures(count)):
        (folder / f"{number:04}{chance.choice(SUFFIXES)}").write_bytes(data)
    done = run("stylize", folder, "--style", "udnie", "-o", tmp_path / "out", "--size", 64, "--max-pixels", PIXELS)
    assert done.code == 1
    assert "Traceback" not in done.err
    assert "unexpected error" not in done.err
    failed = [line for line in done.err.splitlines() if line.startswith("impasto: ") and "note:" not in line]
    painted = [path for path in (tmp_path / "out").rglob("*") if path.suffix in SUFFIXES]
    assert painted
    assert len(failed) + len(painted) == count
    assert not list((tmp_path / "out").rglob("*.part"))


def test_broken_models_get_one_line(tmp_path: Path) -> None:
    chance = random.Random(7)
    header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    whole = len(header).to_bytes(8, "little") + header + bytes(8)
    for number in range(max(40, COUNT // 10)):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        file = tmp_path / f"{number}{chance.choice(('.safetensors', '.pth', '.onnx'))}"
        file.write_bytes(bytes(data[: chance.randrange(1, len(data) + 1)]))
        try:
            if file.suffix == ".onnx":
                Network(file, trial_photo)
            else:
                read_tensors(file)
        except ImpastoError as error:
            assert "\n" not in error.message
        else:
            assert file.suffix == ".safetensors"  # what was changed was a value, not the file's form


def test_the_commands_survive_broken_files_of_all_kinds(tmp_path: Path) -> None:
    count = max(10 * len(SEEDS), COUNT // 50)
    codes = {kind: set() for kind in SEEDS}
    for how, _, answer in answers(count, tmp_path):
        assert not answer.wrong, f"{answer.kind}, {how}: {answer.wrong}"
        codes[answer.kind].add(answer.code)
    assert all(code & {1, 2} for code in codes.values()), codes
    assert all(0 in codes[kind] for kind in ("photo", "style", "clip", "moving mask", "network")), codes

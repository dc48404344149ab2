"""Which type convolutions are computed in: what a measurement decides, and where none is made."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

from impasto.nn import device, winograd
from impasto.nn.device import find_precision, multiplies_bfloat16

CPU = torch.device("cpu")


# It takes the place of the private timer: a test must not depend on how fast a machine is.
class Stopwatch:
    """Stands in for the measurement: seconds of a convolution in bfloat16, where float32 takes 1."""

    def __init__(self, half: float) -> None:
        self.half, self.calls = half, 0

    def __call__(self, channels: int, side: int) -> dict[torch.dtype, float]:
        self.calls += 1
        return {torch.float32: 1.0, torch.bfloat16: self.half}


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    device._processor_multiplies_bfloat16.cache_clear()
    yield
    device._processor_multiplies_bfloat16.cache_clear()


def capable(monkeypatch: pytest.MonkeyPatch, **found: object) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)


@pytest.mark.parametrize(
    ("half", "kind"), [(0.5, torch.bfloat16), (0.8, torch.bfloat16), (0.95, torch.float32), (2.0, torch.float32)]
)
def test_the_faster_type_is_taken(monkeypatch: pytest.MonkeyPatch, half: float, kind: torch.dtype) -> None:
    """bfloat16 must gain something: its results are less precise."""
    capable(monkeypatch, avx512_bf16=True, amx_bf16=False)
    monkeypatch.setattr(device, "_best_seconds", Stopwatch(half))
    assert find_precision("auto", CPU) == kind


def test_it_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    capable(monkeypatch, amx_bf16=True)
    stopwatch = Stopwatch(0.5)
    monkeypatch.setattr(device, "_best_seconds", stopwatch)
    find_precision("auto", CPU)
    calls = stopwatch.calls
    assert calls > 0
    assert multiplies_bfloat16(CPU)
    assert stopwatch.calls == calls


def test_what_is_asked_for_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    stopwatch = Stopwatch(0.5)
    monkeypatch.setattr(device, "_best_seconds", stopwatch)
    assert find_precision("float32", CPU) == torch.float32
    assert find_precision("bfloat16", CPU) == torch.bfloat16
    assert stopwatch.calls == 0


def test_a_processor_without_bfloat16_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    capable(monkeypatch, avx2=True, avx512_bf16=False, amx_bf16=False, architecture="x86_64")
    stopwatch = Stopwatch(0.5)
    monkeypatch.setattr(device, "_best_seconds", stopwatch)
    assert find_precision("auto", CPU) == torch.float32
    assert stopwatch.calls == 0


def test_an_older_pytorch_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "cpu", SimpleNamespace())
    monkeypatch.setattr(device, "_best_seconds", Stopwatch(0.5))
    assert find_precision("auto", CPU) == torch.bfloat16


def test_float32_is_measured_in_tiles_where_they_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    plain = winograd.convolve

    def convolve(x: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
        seen.append((x.dtype, x.shape[1]))
        return plain(x, filters)

    monkeypatch.setattr(winograd, "convolve", convolve)
    for channels in (64, 256):
        for seconds in device._best_seconds(channels, 18).values():
            assert seconds > 0
    assert set(seen) == {(torch.float32, 256)}


def test_the_measurement_leaves_random_numbers_alone() -> None:
    """Fitting a style seeds them before it asks for the type."""
    before = torch.get_rng_state()
    device._best_seconds(8, 8)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("capability", "kind"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16)])
def test_graphics_processors_go_by_capability(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], kind: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert find_precision("auto", torch.device("cuda")) == kind
    assert find_precision("auto", torch.device("mps")) == torch.float32

"""Run a network file in ONNX Runtime: threads, memory, and errors when memory is short."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import OutOfMemory, UsageError
from impasto.system import cgroups
from impasto.system.memory import free_memory

if TYPE_CHECKING:
    import onnxruntime

# From 1.29 on, ONNX Runtime reports each use to its maker, unless this is set when it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_SILENT = 4  # errors are also raised, and we report those
_SHARED = {  # settings of sessions that share one memory arena
    "session.use_env_allocators": "1",
    "session.use_device_allocator_for_initializers": "1",  # weights in the arena would keep it from shrinking
}
_KEPT_PIXELS = 2_000_000  # up to this size, memory is kept for the next photo
_SMALL_PIXELS = 4_000_000  # up to this size, memory is always kept for the next layer


def load_runtime() -> None:
    """Load ONNX Runtime."""
    import onnxruntime  # noqa: F401


class Model:
    """A network file. Its session is created at the first use, and shared between threads.

    Args:
        read: returns the bytes of the file.
        bytes_per_pixel: measured peak memory, if memory is released after every layer.
        arena_bytes_per_pixel: measured peak memory, if it is kept for the next layer, which is two to three times as
            fast.
        weights: returns the initializers that are not in the file, by name.
    """

    def __init__(
        self,
        read: Callable[[], bytes],
        bytes_per_pixel: int = 0,
        arena_bytes_per_pixel: int = 0,
        *,
        weights: Callable[[], Mapping[str, NDArray[np.float32]]] | None = None,
    ) -> None:
        self.read, self.weights = read, weights
        self.bytes_per_pixel, self.arena_bytes_per_pixel = bytes_per_pixel, arena_bytes_per_pixel
        self._lock = threading.Lock()
        self._sessions: dict[bool, onnxruntime.InferenceSession] = {}
        self._values: list[onnxruntime.OrtValue] = []  # sessions refer to these weights, so they must stay

    def run(self, feeds: Mapping[str, NDArray[Any]], pixels: int = 0) -> list[NDArray[Any]]:
        """Return all outputs for these inputs.

        Args:
            pixels: the size of the picture, which determines the memory; 0 for small pictures.
        Raises:
            OutOfMemory: the picture needs more memory than is available.
        """
        import onnxruntime

        arena = self._fits(pixels)
        session = self.session(arena)
        options = onnxruntime.RunOptions()
        options.log_severity_level = _SILENT
        if arena and pixels > _KEPT_PIXELS:
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")  # release it after this photo
        try:
            return [np.asarray(output) for output in session.run(None, dict(feeds), options)]
        except Exception as error:
            # ONNX Runtime's exceptions share no base class, and their module is private.
            if "alloc" in str(error).lower() or isinstance(error, MemoryError):
                raise self._too_large(pixels) from error
            raise

    def session(self, arena: bool = True) -> onnxruntime.InferenceSession:
        with self._lock:
            session = self._sessions.get(arena)
            if session is None:
                import onnxruntime

                onnxruntime.disable_telemetry_events()  # on Windows the environment variable above has no effect
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = threads()
                options.log_severity_level = _SILENT
                # Disable thread spinning. A spinning thread starves file I/O and other sessions, and we measured almost
                # no speed-up from it.
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")
                if arena:
                    _make_arena()
                    for key, value in _SHARED.items():
                        options.add_session_config_entry(key, value)
                options.enable_cpu_mem_arena = arena
                # Memory patterns, one for each picture size, would be kept beside the arena, and double the peak.
                options.enable_mem_pattern = False
                if self.weights is not None:
                    values = {k: onnxruntime.OrtValue.ortvalue_from_numpy(v) for k, v in self.weights().items()}
                    options.add_external_initializers(list(values), list(values.values()))
                    self._values += values.values()
                wanted = list(dict.fromkeys((provider(), "CPUExecutionProvider")))
                session = onnxruntime.InferenceSession(self.read(), options, providers=wanted)
                self._sessions[arena] = session
            return session

    def _fits(self, pixels: int) -> bool:
        """Return True if a photo may use the memory that makes painting fast. Refuse a photo that does not fit at all.

        If free memory is unknown, large photos use as little memory as possible.
        """
        if pixels <= _SMALL_PIXELS:
            return True
        free = free_memory()
        if free is None:
            return False
        if pixels * self.bytes_per_pixel > free:  # an error is better than a killed process
            raise self._too_large(pixels)
        return pixels * self.arena_bytes_per_pixel < free / 2

    def _too_large(self, pixels: int) -> OutOfMemory:
        need = pixels * self.bytes_per_pixel / 1e9
        return OutOfMemory(
            f"painting {pixels / 1e6:.0f} megapixels needs about {need:.1f} GB of memory, more than is free",
            "choose a smaller --size",
        )


@functools.cache
def _make_arena() -> None:
    """Create one memory arena for all networks, so that each reuses the memory of the one before."""
    import onnxruntime

    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    with contextlib.suppress(Exception):  # the process already has one
        onnxruntime.create_and_register_allocator(
            onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT), None
        )


def providers() -> list[str]:
    """Return the names of ONNX Runtime's execution providers on this machine."""
    import onnxruntime

    return list(onnxruntime.get_available_providers())


def provider() -> str:
    """Return the name of the execution provider that runs networks. IMPASTO_PROVIDER sets it; default: cpu.

    Other providers come with other builds. For example, pip install onnxruntime-openvino adds openvino.

    Raises:
        UsageError: the provider is not available.
    """
    wanted = os.environ.get("IMPASTO_PROVIDER", "") or "cpu"
    if wanted == "cpu":  # saves loading the runtime
        return "CPUExecutionProvider"
    there = {name.removesuffix("ExecutionProvider").lower(): name for name in providers()}
    if wanted not in there:
        raise UsageError(
            f"IMPASTO_PROVIDER {wanted!r} is not available",
            f"available: {', '.join(sorted(there))}",
            code="unknown-choice",
        )
    return there[wanted]


def side_by_side(probe: bytes) -> int:
    """Return how many channels ONNX Runtime's convolutions interleave on this machine: 8, 16, or 0 if unknown.

    The layout depends on the processor. Other providers have layouts of their own.

    Args:
        probe: a network that converts 1 x 16 x 1 x 2 numbers to that layout.
    """
    import onnxruntime

    if provider() != "CPUExecutionProvider":
        return 0
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = _SILENT
    numbers = np.arange(32, dtype=np.float32).reshape(1, 16, 1, 2)
    with contextlib.suppress(Exception):  # there is no such layout on this machine
        session = onnxruntime.InferenceSession(probe, options, providers=["CPUExecutionProvider"])
        laid_out = np.asarray(session.run(None, {"numbers": numbers})[0]).ravel()
        for count in (8, 16):
            if np.array_equal(laid_out, numbers.reshape(-1, count, 2).swapaxes(1, 2).ravel()):
                return count
    return 0


def threads() -> int:
    """Return the number of threads that a network may use: IMPASTO_THREADS, else the available processors.

    Raises:
        UsageError: IMPASTO_THREADS is not a number of threads.
    """
    wanted = os.environ.get("IMPASTO_THREADS", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) == 0:
            raise UsageError(
                f"IMPASTO_THREADS {wanted!r} is not a number of threads", "set it to 1 or more", code="not-a-number"
            )
        return int(wanted)
    return processors()


def processors() -> int:
    """Return the number of processors that this process may use, within its affinity and its container's quota."""
    try:
        here = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not Linux, or the system call is forbidden
        here = os.cpu_count() or 1
    return min(here, cgroups.processors() or here)

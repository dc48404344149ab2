"""Running a network file in ONNX Runtime: threads, memory, and what is said when there is too little of it."""

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

# From 1.29 on it tells its maker about every program that uses it, unless it finds this when it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_SILENT = 4  # what goes wrong is raised as well, and said by us
_SHARED = {  # settings of sessions that take their memory from one arena
    "session.use_env_allocators": "1",
    "session.use_device_allocator_for_initializers": "1",  # weights would keep parts of it from being given back
}
_KEPT_PIXELS = 2_000_000  # up to here the memory is kept for the next photo
_SMALL_PIXELS = 4_000_000  # up to here keeping memory for the next layer is always worth it


def load_runtime() -> None:
    """Load ONNX Runtime itself."""
    import onnxruntime  # noqa: F401


class Model:
    """One network file; its session is made at the first use and shared between threads.

    Args:
        read: gives the file's bytes.
        bytes_per_pixel: measured peak while it runs, memory given back after every layer.
        arena_bytes_per_pixel: the same where memory is kept for the next layer: two to three times as fast.
        weights: gives the initializers that the file leaves out, by name.
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
        self._values: list[onnxruntime.OrtValue] = []  # the weights, as long as sessions use them

    def run(self, feeds: Mapping[str, NDArray[Any]], pixels: int = 0) -> list[NDArray[Any]]:
        """All outputs for these inputs.

        Args:
            pixels: of the picture that is worked on, for what memory it takes; 0 for small ones.
        Raises:
            OutOfMemory: the picture needs more memory than there is.
        """
        import onnxruntime

        arena = self._fits(pixels)
        session = self.session(arena)
        options = onnxruntime.RunOptions()
        options.log_severity_level = _SILENT
        if arena and pixels > _KEPT_PIXELS:
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")  # not kept beyond this photo
        try:
            return [np.asarray(output) for output in session.run(None, dict(feeds), options)]
        except Exception as error:
            # ONNX Runtime's exceptions share no base class and are named in a private module.
            if "alloc" in str(error).lower() or isinstance(error, MemoryError):
                raise self._too_large(pixels) from error
            raise

    def session(self, arena: bool = True) -> onnxruntime.InferenceSession:
        with self._lock:
            session = self._sessions.get(arena)
            if session is None:
                import onnxruntime

                onnxruntime.disable_telemetry_events()  # on Windows the variable above is not asked
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = threads()
                options.log_severity_level = _SILENT
                # A thread that waits busily for the next layer takes the processor from reading, writing, another
                # network; that it gains next to nothing has been measured.
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")
                if arena:
                    _make_arena()
                    for key, value in _SHARED.items():
                        options.add_session_config_entry(key, value)
                options.enable_cpu_mem_arena = arena
                # A plan of memory for each size of picture would be kept beside the arena, and doubles the peak.
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
        """Whether a photo may take the memory that makes it fast; one that would not fit at all is refused.

        Where the system does not tell what is free, large photos take as little as they can.
        """
        if pixels <= _SMALL_PIXELS:
            return True
        free = free_memory()
        if free is None:
            return False
        if pixels * self.bytes_per_pixel > free:  # being killed half-way tells nobody anything
            raise self._too_large(pixels)
        return pixels * self.arena_bytes_per_pixel < free / 2

    def _too_large(self, pixels: int) -> OutOfMemory:
        need = pixels * self.bytes_per_pixel / 1e9
        return OutOfMemory(
            f"painting {pixels / 1e6:.0f} megapixels needs about {need:.1f} GB of memory, more than is free",
            "--size makes the picture smaller",
        )


@functools.cache
def _make_arena() -> None:
    """One arena of memory for all networks: what one has used is there for the next, a clip's next one above all."""
    import onnxruntime

    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    with contextlib.suppress(Exception):  # the process has one already
        onnxruntime.create_and_register_allocator(
            onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT), None
        )


def providers() -> list[str]:
    """ONNX Runtime's execution providers on this machine."""
    import onnxruntime

    return list(onnxruntime.get_available_providers())


def provider() -> str:
    """Which of ONNX Runtime's execution providers runs networks: IMPASTO_PROVIDER, cpu if it is not set.

    Others come with builds of their own: pip install onnxruntime-openvino brings openvino.
    """
    wanted = os.environ.get("IMPASTO_PROVIDER", "") or "cpu"
    if wanted == "cpu":  # so that nothing has to be loaded to know it
        return "CPUExecutionProvider"
    there = {name.removesuffix("ExecutionProvider").lower(): name for name in providers()}
    if wanted not in there:
        raise UsageError(
            f"IMPASTO_PROVIDER is {wanted!r}", f"here are {', '.join(sorted(there))}", code="unknown-choice"
        )
    return there[wanted]


def side_by_side(probe: bytes) -> int:
    """How many channels of a pixel ONNX Runtime's convolutions take side by side on this machine.

    8, 16, or 0 where that is not known. The layout depends on the processor; other providers have their own.

    Args:
        probe: a network that brings 1 x 16 x 1 x 2 numbers into that layout.
    """
    import onnxruntime

    if provider() != "CPUExecutionProvider":
        return 0
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = _SILENT
    numbers = np.arange(32, dtype=np.float32).reshape(1, 16, 1, 2)
    with contextlib.suppress(Exception):  # it has no such layout here
        session = onnxruntime.InferenceSession(probe, options, providers=["CPUExecutionProvider"])
        laid_out = np.asarray(session.run(None, {"numbers": numbers})[0]).ravel()
        for count in (8, 16):
            if np.array_equal(laid_out, numbers.reshape(-1, count, 2).swapaxes(1, 2).ravel()):
                return count
    return 0


def threads() -> int:
    """How many threads a network may use: IMPASTO_THREADS, or the processors that this process may take."""
    wanted = os.environ.get("IMPASTO_THREADS", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) == 0:
            raise UsageError(f"IMPASTO_THREADS is {wanted!r}", "a number of threads, 1 or more", code="not-a-number")
        return int(wanted)
    return processors()


def processors() -> int:
    """How many processors this process may take: those it may run on, or as many as its container is granted."""
    try:
        here = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # another system than Linux, or one that forbids to ask
        here = os.cpu_count() or 1
    return min(here, cgroups.processors() or here)

"""Find enlargers: those that ship, and the user's own."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from impasto.enlarging.network import EnlargerNetwork
from impasto.enlarging.options import KINDS
from impasto.errors import UsageError
from impasto.system.files import ASSETS, user_folder, write_atomically

_NAME = re.compile(r"[\w][\w.-]{0,63}")
_SHIPPED = ASSETS / "enlarge"


def own_names() -> list[str]:
    """Return the names of the user's own enlargers."""
    folder = user_folder("enlargers")
    return sorted(path.stem for path in folder.glob("*.onnx")) if folder.is_dir() else []


def networks(kind: str) -> tuple[EnlargerNetwork, ...]:
    """Return the networks of a kind, with the smallest scale first.

    Raises:
        UsageError: there is no such kind.
        StyleError: a file is damaged.
    """
    if kind in KINDS:
        return tuple(_loaded(_SHIPPED / f"{kind}-x{scale}.onnx", 0) for scale in (2, 4))
    path = user_folder("enlargers") / f"{kind}.onnx"
    if not _NAME.fullmatch(kind) or not path.is_file():
        known = ", ".join([*KINDS, *own_names()])
        raise UsageError(f"unknown kind of enlarger {kind!r}", f"one of {known}", code="unknown-choice")
    return (_loaded(path, path.stat().st_mtime_ns),)


@functools.lru_cache(maxsize=8)
def _loaded(path: Path, changed: int) -> EnlargerNetwork:  # noqa: ARG001  a changed file is another network
    return EnlargerNetwork(path)


def weights(name: str) -> Path:
    """Return the weights file of the user's own enlarger."""
    return user_folder("enlargers") / f"{name}.safetensors"


def check_free(name: str, *, replace: bool) -> None:
    """Check that the user may give this name to an enlarger.

    Raises:
        UsageError: the name is not allowed, or is taken and must not be replaced.
    """
    if name in KINDS or not _NAME.fullmatch(name):
        raise UsageError(
            f"an enlarger cannot be called {name!r}",
            "use letters, digits, - and _, and a name that is not built in",
            code="bad-name",
        )
    if not replace and (user_folder("enlargers") / f"{name}.onnx").exists():
        raise UsageError(f"the enlarger {name} already exists", "--overwrite replaces it", code="already-there")


def keep(name: str, onnx: bytes, tensors: bytes) -> Path:
    """Add an enlarger to the user's own, or replace it.

    Args:
        onnx, tensors: the network's files: see `impasto.exchange.enlarger`.
    Returns:
        The weights file.
    Raises:
        PictureError: the folder is not writable.
    """
    path = weights(name)
    write_atomically(path, tensors, overwrite=True)
    write_atomically(path.with_suffix(".onnx"), onnx, overwrite=True)
    return path

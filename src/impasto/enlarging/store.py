"""Where enlargers are: those that ship, and the user's own."""

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
    """The user's own enlargers."""
    folder = user_folder("enlargers")
    return sorted(path.stem for path in folder.glob("*.onnx")) if folder.is_dir() else []


def networks(kind: str) -> tuple[EnlargerNetwork, ...]:
    """The networks of a kind, the smallest scale first.

    Raises:
        UsageError: there is no such kind.
        StyleError: its file is damaged.
    """
    if kind in KINDS:
        return tuple(_loaded(_SHIPPED / f"{kind}-x{scale}.onnx", 0) for scale in (2, 4))
    path = user_folder("enlargers") / f"{kind}.onnx"
    if not _NAME.fullmatch(kind) or not path.is_file():
        known = ", ".join([*KINDS, *own_names()])
        raise UsageError(f"{kind!r} is no kind of picture to enlarge", f"one of {known}", code="unknown-choice")
    return (_loaded(path, path.stat().st_mtime_ns),)


@functools.lru_cache(maxsize=8)
def _loaded(path: Path, changed: int) -> EnlargerNetwork:  # noqa: ARG001  a file that has changed is another network
    return EnlargerNetwork(path)


def weights(name: str) -> Path:
    """The file of an own enlarger's weights."""
    return user_folder("enlargers") / f"{name}.safetensors"


def check_free(name: str, *, replace: bool) -> None:
    """Whether an enlarger of the user's own may be called so.

    Raises:
        UsageError: it may not, or there is one and it is not to be replaced.
    """
    if name in KINDS or not _NAME.fullmatch(name):
        raise UsageError(
            f"an enlarger cannot be called {name!r}",
            "letters, digits, - and _, no name that ships",
            code="bad-name",
        )
    if not replace and (user_folder("enlargers") / f"{name}.onnx").exists():
        raise UsageError(f"there is an enlarger {name} already", "--overwrite replaces it", code="already-there")


def keep(name: str, onnx: bytes, tensors: bytes) -> Path:
    """Add an enlarger to the user's own, or replace it.

    Args:
        onnx, tensors: the network's files: see `impasto.exchange.enlarger`.
    Returns:
        The file of its weights.
    Raises:
        PictureError: the folder cannot be written to.
    """
    path = weights(name)
    write_atomically(path, tensors, overwrite=True)
    write_atomically(path.with_suffix(".onnx"), onnx, overwrite=True)
    return path

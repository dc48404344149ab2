"""A file that the service stores for its workers, and the facts about an upload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from impasto.service.work import Upload

Size: TypeAlias = tuple[int, int]
"""Width and height."""

UploadKind: TypeAlias = Literal["photo", "clip"]


@dataclass(frozen=True)
class Kept:
    """A file for workers to read.

    Attributes:
        name: name in messages; never a path.
        digest: of the bytes.
        path: its place, chosen by the service.
        data: the bytes, for workers on other machines; None if workers read the path.
    """

    name: str
    digest: str
    path: Path
    data: bytes | None = field(default=None, repr=False)

    def read(self) -> bytes:
        """Return the bytes."""
        return self.path.read_bytes() if self.data is None else self.data

    def upload(self) -> Upload:
        """Return it like a file that was just sent."""
        return Upload(self.name, self.read())


@dataclass(frozen=True)
class Facts:
    """The facts about an upload; see `GET /v1/uploads/ID`.

    Attributes:
        frames: number of frames of an animation or a clip; 1 for a still picture.
        settings: the fields of the service with which Impasto made this picture, if it did.
        seconds, fps, sound: of a clip.
    """

    kind: UploadKind
    width: int
    height: int
    frames: int = 1
    alpha: bool = False
    bits: int = 8
    settings: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    seconds: float | None = None
    fps: float | None = None
    sound: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the facts as clients see them."""
        moving = ("seconds", "fps", "sound") if self.kind == "clip" else ()
        names = ("kind", "width", "height", "frames", "alpha", "bits", "settings", *moving)
        return {name: getattr(self, name) for name in names} | {"notes": list(self.notes)}

"""A file that the service keeps for its workers, and what is known of an upload."""

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
    """A file that a worker reads.

    Attributes:
        name: what to call it; never a path.
        digest: of the bytes.
        path: where it lies, chosen by the service.
        data: the bytes, for workers on other machines; None, they read the path.
    """

    name: str
    digest: str
    path: Path
    data: bytes | None = field(default=None, repr=False)

    def read(self) -> bytes:
        """The bytes."""
        return self.path.read_bytes() if self.data is None else self.data

    def upload(self) -> Upload:
        """It as if it had just been sent."""
        return Upload(self.name, self.read())


@dataclass(frozen=True)
class Facts:
    """What is known of an upload. See `GET /v1/uploads/ID`.

    Attributes:
        frames: of an animation or a clip; 1 of a still picture.
        settings: fields of the service that made it, if Impasto has saved it.
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
        """As clients see it."""
        moving = ("seconds", "fps", "sound") if self.kind == "clip" else ()
        names = ("kind", "width", "height", "frames", "alpha", "bits", "settings", *moving)
        return {name: getattr(self, name) for name in names} | {"notes": list(self.notes)}

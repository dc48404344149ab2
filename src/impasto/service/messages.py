"""The messages of a process about its work, on this machine or in a cluster: Begun, then Progress, then Done."""

from __future__ import annotations

import logging
import os
import pickle
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from impasto.errors import ImpastoError, OutOfMemory
from impasto.service.work import Answer, Tell, Work

LOG = logging.getLogger("impasto.service")
LENGTH = struct.Struct("<Q")
"""The prefix of each message in a pipe: its length in bytes. A length of 0 stops the work."""

_SMALL = 500_000  # smaller messages are copied into one piece, which is faster than many writes


@dataclass(frozen=True)
class Begun:
    """The process is ready, or has accepted the work."""


@dataclass(frozen=True)
class Done:
    """The work has ended.

    Attributes:
        answer: the answer, or the parts of the error that the work has raised.
        process: the id of the process.
        memory: memory of the process in bytes.
    """

    answer: Answer | tuple[type[ImpastoError], tuple[Any, ...], dict[str, Any]]
    process: str
    memory: int

    def unpacked(self) -> Answer:
        if isinstance(self.answer, Answer):
            return self.answer
        kind, words, facts = self.answer
        error = kind.__new__(kind, *words)
        error.__dict__.update(facts)
        raise error


def packed(message: object) -> list[bytes | memoryview]:
    """Pack a message into pieces, without its length. Large files in it become pieces of their own, without a copy."""
    pieces = _Pieces()
    pickle.Pickler(pieces, pickle.HIGHEST_PROTOCOL).dump(message)
    return pieces


def framed(pieces: Sequence[bytes | memoryview]) -> Sequence[bytes | memoryview]:
    """Return a message with its length before it. Small messages are one piece, because each piece wakes the reader."""
    size = sum(map(len, pieces))
    whole = [LENGTH.pack(size), *pieces]
    return whole if size > _SMALL else [b"".join(whole)]


class _Pieces(list[bytes | memoryview]):
    """A file that keeps the written pieces unchanged."""

    def write(self, piece: bytes | pickle.PickleBuffer) -> None:
        self.append(piece.raw() if isinstance(piece, pickle.PickleBuffer) else piece)


def outcome(work: Work, tell: Tell) -> Done:
    """Do some work. Every error becomes part of the message."""
    answer: Any
    try:
        answer = work.run(tell)
    except MemoryError:
        answer = OutOfMemory("the picture needs more memory than is available", "choose a smaller size")
    except ImpastoError as error:
        answer = error
    except Exception as error:  # the process must survive
        LOG.error("a fault of the service", exc_info=error)
        answer = ImpastoError("unexpected error of the service", "please report it", code="unexpected")
    if isinstance(answer, ImpastoError):
        answer = (type(answer), answer.args, answer.__dict__)
    return Done(answer, f"{platform.node()} {os.getpid()}", resident())


def resident(process: int | None = None) -> int:
    """Return the memory of a process in bytes, by default of this one; 0 if it has ended."""
    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return 0

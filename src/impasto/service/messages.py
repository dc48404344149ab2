"""What a process that does work says of it, on this machine or in a cluster: Begun, then Progress, then Done."""

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
"""Stands before each message in a pipe and says how many bytes it has. One of none stops the work."""

_SMALL = 500_000  # bytes that are copied sooner than written one by one


@dataclass(frozen=True)
class Begun:
    """The process is there, or has taken the work."""


@dataclass(frozen=True)
class Done:
    """The work has ended.

    Attributes:
        answer: or, as its parts, the error that it has raised.
        process: which one.
        memory: bytes that the process holds.
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
    """A message in pieces, without its length. Large files in it become pieces without being copied."""
    pieces = _Pieces()
    pickle.Pickler(pieces, pickle.HIGHEST_PROTOCOL).dump(message)
    return pieces


def framed(pieces: Sequence[bytes | memoryview]) -> Sequence[bytes | memoryview]:
    """A message with its length before it; in one piece if it is small, for each that is written wakes who reads."""
    size = sum(map(len, pieces))
    whole = [LENGTH.pack(size), *pieces]
    return whole if size > _SMALL else [b"".join(whole)]


class _Pieces(list[bytes | memoryview]):
    """A file that keeps what is written as it is."""

    def write(self, piece: bytes | pickle.PickleBuffer) -> None:
        self.append(piece.raw() if isinstance(piece, pickle.PickleBuffer) else piece)


def outcome(work: Work, tell: Tell) -> Done:
    """Do some work; what goes wrong is in the message, whatever it is."""
    answer: Any
    try:
        answer = work.run(tell)
    except MemoryError:
        answer = OutOfMemory("the picture takes more memory than there is", "a smaller size takes less")
    except ImpastoError as error:
        answer = error
    except Exception as error:  # the process lives on
        LOG.error("a fault of the service", exc_info=error)
        answer = ImpastoError("this should not have happened", "please report it", code="unexpected")
    if isinstance(answer, ImpastoError):
        answer = (type(answer), answer.args, answer.__dict__)
    return Done(answer, f"{platform.node()} {os.getpid()}", resident())


def resident(process: int | None = None) -> int:
    """Bytes that a process holds, this one if none is named; 0 if it has ended."""
    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return 0

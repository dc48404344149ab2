"""What can go wrong: each error says in one line what is wrong, and in a hint how to go on.

ImpastoError           exit code 1; catch this one for all of them
|-- UsageError         exit code 2; the request makes no sense; also a ValueError
|-- PictureError       a picture cannot be read or written
|   `-- OutOfMemory    a picture needs more memory than there is
|-- StyleError         a style, or the gallery, cannot be read or written
|-- TrainingError      a training or an optimization cannot go on
`-- MissingExtra       an optional part is not installed

Each kind of fault has a code as well, the same wherever it occurs; docs/errors.md lists them.
"""

from __future__ import annotations

import errno


class ImpastoError(Exception):
    """Something could not be done.

    Attributes:
        message: what is wrong, one line.
        hint: what to do about it, or "".
        code: the kind of fault, for programs, the JSON records and tests. Messages and hints may change; codes stay.
            A raise without one has its class's: failure, usage, picture, style, memory, training or missing-extra.
        exit_code: what the command line exits with: 1, the work failed; 2, the request makes no sense.

    >>> try:
    ...     impasto.stylize("missing.jpg", "starry-night")
    ... except impasto.ImpastoError as error:
    ...     print(error.message, error.code, error.exit_code)
    there is no file missing.jpg no-such-file 1
    """

    exit_code = 1
    code = "failure"

    def __init__(self, message: str, hint: str = "", *, code: str = "") -> None:
        super().__init__(f"{message}  ({hint})" if hint else message)
        self.message = message
        self.hint = hint
        if code:
            self.code = code


class UsageError(ImpastoError, ValueError):
    """What was asked for makes no sense, whatever the files hold: an unknown style, a strength of 300.

    >>> try:
    ...     impasto.stylize("photo.jpg", "starry-night", strength=300)
    ... except impasto.UsageError as error:
    ...     print(error)
    strength 300 is not in 0..100
    """

    exit_code = 2
    code = "usage"


class PictureError(ImpastoError):
    """A picture cannot be read or written.

    >>> try:
    ...     impasto.Picture.open(b"just text")
    ... except impasto.PictureError as error:
    ...     print(error.hint)
    it holds text
    """

    code = "picture"


class OutOfMemory(PictureError):
    """A picture, or a step of a training, needs more memory than there is."""

    code = "memory"


class StyleError(ImpastoError):
    """A style, or the gallery it lies in, cannot be read or written.

    >>> gallery = impasto.Gallery()
    >>> (gallery.folder / "empty").mkdir(parents=True)
    >>> try:
    ...     gallery.get("empty")
    ... except impasto.StyleError as error:
    ...     print(error.code)
    damaged-file
    """

    code = "style"


class TrainingError(ImpastoError):
    """A training or an optimization cannot go on: its losses are not finite, or its checkpoint is damaged."""

    code = "training"


class MissingExtra(ImpastoError):
    """A part of Impasto that is installed on request is not there.

    >>> print(impasto.MissingExtra("PyAV", "video"))
    PyAV is not installed  (pip install 'impasto[video]')
    """

    code = "missing-extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed", f"pip install 'impasto[{extra}]'")


def write_fault(error: BaseException) -> str:
    """The code of a write that the system has refused: disk-full or not-writable."""
    return "disk-full" if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) else "not-writable"

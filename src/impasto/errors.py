"""The errors of Impasto. Each says in one line what is wrong, and in a hint what to do.

ImpastoError           exit code 1; base class, catch this one for all
|-- UsageError         exit code 2; the request is invalid; also a ValueError
|-- PictureError       a picture cannot be read or written
|   `-- OutOfMemory    a picture needs more memory than is available
|-- StyleError         a style, or the gallery, cannot be read or written
|-- TrainingError      a training or an optimization cannot continue
`-- MissingExtra       an optional part is not installed

Each kind of fault also has a code, which is the same wherever it occurs. docs/reference/errors.md lists the codes.
"""

from __future__ import annotations

import errno


class ImpastoError(Exception):
    """Report that Impasto could not do something. This is the base class of all its errors.

    Attributes:
        message: what is wrong, in one line.
        hint: what to do about it, or "".
        code: the kind of fault, for programs, JSON records and tests. Messages and hints may change, codes do not. The
            default is the code of the class: failure, usage, picture, style, memory, training or missing-extra.
        exit_code: the exit code of the command line: 1, the work failed; 2, the request is invalid.

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
    """Report an invalid request, such as an unknown style or a strength of 300. The files are not at fault.

    >>> try:
    ...     impasto.stylize("photo.jpg", "starry-night", strength=300)
    ... except impasto.UsageError as error:
    ...     print(error)
    strength 300 is not in 0..100
    """

    exit_code = 2
    code = "usage"


class PictureError(ImpastoError):
    """Report a picture that cannot be read or written.

    >>> try:
    ...     impasto.Picture.open(b"just text")
    ... except impasto.PictureError as error:
    ...     print(error.hint)
    it contains text
    """

    code = "picture"


class OutOfMemory(PictureError):
    """Report that a picture, or a step of a training, needs more memory than is available."""

    code = "memory"


class StyleError(ImpastoError):
    """Report a style, or a gallery, that cannot be read or written.

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
    """Report a training or an optimization that cannot continue: losses are not finite, or a checkpoint is damaged."""

    code = "training"


class MissingExtra(ImpastoError):
    """Report an optional part of Impasto that is not installed.

    >>> print(impasto.MissingExtra("PyAV", "video"))
    PyAV is not installed  (pip install 'impasto[video]')
    """

    code = "missing-extra"

    def __init__(self, what: str, extra: str, command: str = "") -> None:
        super().__init__(f"{what} is not installed", command or f"pip install 'impasto[{extra}]'")


def write_fault(error: BaseException) -> str:
    """Return the code of a failed write: disk-full or not-writable."""
    return "disk-full" if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) else "not-writable"

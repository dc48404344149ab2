"""What Impasto says when something is wrong: one line, and a hint how to go on."""

from __future__ import annotations


class ImpastoError(Exception):
    """Something could not be done.

    Attributes:
        message: what is wrong, one line.
        hint: what to do about it, or "".
        exit_code: what the command line exits with: 1, the work failed; 2, the request makes no sense.

    >>> try:
    ...     impasto.stylize("missing.jpg", "starry-night")
    ... except impasto.ImpastoError as error:
    ...     print(error.message, error.exit_code)
    there is no file missing.jpg 1
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}  ({hint})" if hint else message)
        self.message = message
        self.hint = hint


class UsageError(ImpastoError, ValueError):
    """What was asked for makes no sense, whatever the files hold: an unknown style, a strength of 300.

    >>> try:
    ...     impasto.stylize("photo.jpg", "starry-night", strength=300)
    ... except impasto.UsageError as error:
    ...     print(error)
    strength 300 is not in 0..100
    """

    exit_code = 2


class PictureError(ImpastoError):
    """A picture cannot be read or written.

    >>> try:
    ...     impasto.Picture.open(b"just text")
    ... except impasto.PictureError as error:
    ...     print(error.hint)
    it holds text
    """


class OutOfMemory(PictureError):
    """A picture needs more memory than there is."""


class StyleError(ImpastoError):
    """A style, or the gallery it lies in, cannot be read or written.

    >>> gallery = impasto.Gallery()
    >>> (gallery.folder / "empty").mkdir(parents=True)
    >>> try:
    ...     gallery.get("empty")
    ... except impasto.StyleError as error:
    ...     print(error.exit_code)
    1
    """


class MissingExtra(ImpastoError):
    """A part of Impasto that is installed on request is not there.

    >>> print(impasto.MissingExtra("PyAV", "video"))
    PyAV is not installed  (pip install 'impasto[video]')
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed", f"pip install 'impasto[{extra}]'")

"""`impasto stylize` begins with its style before it has read the command.

From the shell to a small painted photo most of the time goes into loading Python's modules, which keeps one processor
busy. Another one makes the networks ready meanwhile, and looks at the painting.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Sequence

_STYLE = ("--style", "-s")
_OTHERWISE = ("--engine", "--engine-hosts", "--region", "--memory")  # these call for more, or for another painter


def begin(words: Sequence[str]) -> None:
    """Load the default engine for the one style that a command names, if it is a built-in one or a file.

    A guess: a command that turns out to want something else is only a little slower.
    """
    styles = [style for word, style in itertools.pairwise(words) if word in _STYLE]
    if words[:1] != ["stylize"] or len(styles) != 1 or any(word.partition("=")[0] in _OTHERWISE for word in words):
        return
    from impasto.engines.by_name import DEFAULT, engine_of
    from impasto.styles import builtin

    if styles[0] in builtin.cards():
        engine_of().prepare(builtin.vector(styles[0], DEFAULT))
    elif os.path.isfile(styles[0]) and not styles[0].lower().endswith(".onnx"):  # a network paints by itself
        engine_of().prepare()
        import impasto.picture.picture  # noqa: F401  here, for the reason that `prepare` has

        threading.Thread(target=_encode, args=(styles[0],)).start()


def _encode(painting: str) -> None:
    from impasto.engines.by_name import engine_of
    from impasto.picture import Picture

    with contextlib.suppress(Exception):  # said when the command comes to it
        engine_of().encode(Picture.open(painting).as_painting().pixels)

"""Let `impasto stylize` load its style before it parses the command.

From the shell to a small painted photo, loading Python modules takes most of the time, and keeps one processor busy.
Meanwhile another processor loads the networks and encodes the painting.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Sequence

_STYLE = ("--style", "-s")
_OTHERWISE = ("--engine", "--engine-hosts", "--region", "--memory")  # these need more files, or another painter


def begin(words: Sequence[str]) -> None:
    """Load the default engine for the single style of a command, if it is a built-in style or a file.

    This is a guess. If the command turns out to need something else, it is only a little slower.
    """
    styles = [style for word, style in itertools.pairwise(words) if word in _STYLE]
    if words[:1] != ["stylize"] or len(styles) != 1 or any(word.partition("=")[0] in _OTHERWISE for word in words):
        return
    from impasto.engines.by_name import DEFAULT, engine_of
    from impasto.styles import builtin

    if styles[0] in builtin.cards():
        engine_of().prepare(builtin.vector(styles[0], DEFAULT))
    elif os.path.isfile(styles[0]) and not styles[0].lower().endswith(".onnx"):  # an .onnx network needs no engine
        engine_of().prepare()
        import impasto.picture.picture  # noqa: F401  import here, for the same reason as in `prepare`

        threading.Thread(target=_encode, args=(styles[0],)).start()


def _encode(painting: str) -> None:
    from impasto.engines.by_name import engine_of
    from impasto.picture import Picture

    with contextlib.suppress(Exception):  # the command itself reports the error later
        engine_of().encode(Picture.open(painting).as_painting().pixels)

"""`impasto stylize` begins to load its network before it has read the command.

From the shell to a small painted photo most of the time goes into loading Python's modules, which keeps one processor
busy. Another one makes the network ready meanwhile.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence

_STYLE = ("--style", "-s")
_OTHERWISE = ("--engine", "--engine-hosts", "--region", "--memory")  # these call for more, or for another painter


def begin(words: Sequence[str]) -> None:
    """Load the painter for the one style that a command names, if it is a built-in one or a file.

    A guess: a command that turns out to want something else is only a little slower.
    """
    styles = [style for word, style in itertools.pairwise(words) if word in _STYLE]
    if words[:1] != ["stylize"] or len(styles) != 1 or any(word in _OTHERWISE for word in words):
        return
    from impasto import builtin
    from impasto.painter import default_painter

    if styles[0] in builtin.cards():
        default_painter().prepare(builtin.vector(styles[0]))
    elif os.path.isfile(styles[0]):
        default_painter().prepare()

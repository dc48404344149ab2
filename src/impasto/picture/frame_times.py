"""How long an animation's frames are shown: what players make of a file's numbers, and what formats can say."""

from __future__ import annotations

from collections.abc import Sequence

TOO_SHORT = 10
"""Milliseconds. Browsers show a frame of at most so many for `INSTEAD`, whatever the format."""

INSTEAD = 100

_UNITS = {"GIF": (10, 2, 65_535)}
"""Milliseconds in which a format counts, and how many units a frame has at least and at most."""

_USUAL_UNIT = (1, TOO_SHORT + 1, 2**24 - 1)


def played(duration: float) -> float:
    """Milliseconds that players show a frame for whose file says `duration`."""
    return duration if duration > TOO_SHORT else INSTEAD


def timetable(durations: Sequence[float], file_format: str) -> list[tuple[int, int]]:
    """Which frames a format can show in time, and for how long.

    Times are rounded, not durations, so that no error adds up. A frame that players would slow down is left out, and
    the one before stands for as long.

    Args:
        durations: milliseconds of every frame.
        file_format: Pillow's name.
    Returns:
        Every kept frame's index and its milliseconds; at least one.
    """
    unit, least, most = _UNITS.get(file_format, _USUAL_UNIT)
    kept, starts, time = [0], [0], 0.0
    for index, duration in enumerate(durations):
        begun = round(time / unit)
        if begun - starts[-1] >= least:
            kept.append(index)
            starts.append(begun)
        time += duration
    end = round(time / unit)
    if len(kept) > 1 and end - starts[-1] < least:
        kept.pop()
        starts.pop()
    lengths = [after - start for start, after in zip(starts, [*starts[1:], max(end, least)], strict=True)]
    return [(index, unit * min(length, most)) for index, length in zip(kept, lengths, strict=True)]

"""Frame durations of animations: how players interpret them, and what formats can store."""

from __future__ import annotations

from collections.abc import Sequence

TOO_SHORT = 10
"""Milliseconds. Browsers show frames that are this short, or shorter, for `INSTEAD`, in all formats."""

INSTEAD = 100

_UNITS = {"GIF": (10, 2, 65_535)}
"""The time unit of a format in milliseconds, and the smallest and largest number of units of a frame."""

_USUAL_UNIT = (1, TOO_SHORT + 1, 2**24 - 1)


def played(duration: float) -> float:
    """Return the milliseconds for which players show a frame with this stored duration."""
    return duration if duration > TOO_SHORT else INSTEAD


def timetable(durations: Sequence[float], file_format: str) -> list[tuple[int, int]]:
    """Return the frames that a format can show in time, and their durations.

    Rounding applies to times, not to durations, so that errors do not add up. A frame that players would slow down is
    left out, and the frame before it lasts longer.

    Args:
        durations: milliseconds of every frame.
        file_format: Pillow's name.
    Returns:
        The index of every kept frame, and its milliseconds; at least one frame.
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

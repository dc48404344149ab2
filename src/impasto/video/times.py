"""Determine when frames are shown. No frame is lost if times decrease, restart, repeat or are missing."""

from __future__ import annotations

import heapq
import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from impasto.picture.frame_times import played

ANIMATIONS = ("gif", "apng")
"""FFmpeg's names of formats whose frames store durations."""

USUAL_RATE = Fraction(25)  # of folders of frames, and of files without a rate
_FASTEST = 240  # frames a second; higher stored rates are not trusted but measured
_MEASURED = 48  # packets
_BACK = Fraction(3, 2)  # steps; larger decreases of decoding times happen only where times restart


@dataclass
class PacketTimes:
    """Make the times of packets continuous: where they restart or jump, they continue.

    Joined recordings and MPEG streams restart. A counter that is reset jumps by hours.

    Args:
        step: length of packets without one, in seconds.
        longest: seconds; a longer gap between two packets is a jump, not a pause.
    Attributes:
        jumps: the number of restarts and jumps.
    """

    step: Fraction
    longest: Fraction = Fraction(3600)
    jumps: int = 0
    _offset: Fraction = Fraction(0)
    _last: Fraction | None = None
    _next: Fraction = Fraction(0)
    _latest: Fraction = Fraction(0)  # latest time of display so far

    def mend(self, packet: Any) -> None:
        """Correct a packet's times. Packets must come in the order in which they are stored."""
        unit = packet.time_base
        if not unit or packet.is_discard:  # packets hidden by an edit list have the same times as visible ones
            return
        if packet.dts is not None:
            self._follow(packet.dts * unit, packet.duration * unit if packet.duration else self.step)
        shift = round(self._offset / unit)
        if shift:
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        if packet.pts is not None:
            self._latest = max(self._latest, packet.pts * unit)

    def _follow(self, decoded_at: Fraction, length: Fraction) -> None:
        at = decoded_at + self._offset
        if self._last is not None:
            back = at < self._last - _BACK * self.step
            if back or at > max(self._next, self._latest) + self.longest:
                self._offset += self._next - at
                at = self._next
                self.jumps += 1
        self._last, self._next = at, at + min(length, self.longest)


@dataclass
class AnimationTimes(PacketTimes):
    """Times of a GIF or an APNG, as browsers and viewers show it."""

    def mend(self, packet: Any) -> None:
        if packet.pts is None or not packet.time_base:
            return
        packet.pts = packet.dts = round(self._next / packet.time_base)
        self._next += shown_for(float((packet.duration or 0) * packet.time_base * 1000))


@dataclass
class FrameTimes:
    """Assign increasing times to frames, in the order of display.

    AVI and raw streams store times of decoding. Their order differs from that of the frames within a few frames.

    Args:
        step: average length of a frame in seconds.
        depth: the number of frames that a decoder delays to reorder them.
    Attributes:
        made_up: the number of frames without a time, or with a repeated one.
    """

    step: Fraction
    depth: int = 0
    made_up: int = 0
    _known: list[Fraction] = field(default_factory=list)

    def of(self, frames: Iterable[Any]) -> Iterator[tuple[Any, Fraction]]:
        """Yield each frame with its time in seconds."""
        waiting: deque[tuple[Any, bool]] = deque()
        last: Fraction | None = None
        for frame in frames:
            time = _time_of(frame)
            if time is not None:
                heapq.heappush(self._known, time)
            waiting.append((frame, time is not None))
            if len(waiting) > self.depth + 1:
                frame, timed = waiting.popleft()
                last = self._after(last, timed)
                yield frame, last
        for frame, timed in waiting:
            last = self._after(last, timed)
            yield frame, last

    def _after(self, last: Fraction | None, timed: bool) -> Fraction:
        time = heapq.heappop(self._known) if timed and self._known else None
        if last is None:
            return Fraction(0) if time is None else time
        if time is not None and time > last:
            return time
        self.made_up += 1
        following = next((known for known in sorted(self._known) if known > last), None)
        if following is not None and following <= last + self.step:
            return (last + following) / 2
        return last + self.step


def _time_of(frame: Any) -> Fraction | None:
    ticks = frame.dts if frame.pts is None else frame.pts
    return None if ticks is None or not frame.time_base else Fraction(ticks * frame.time_base)


def shown_by(frame: Any, usual: Fraction) -> Fraction:
    """Return a decoded frame's duration in seconds, as stored; `usual` if it is missing or shorter."""
    ticks = getattr(frame, "duration", None)
    return max(usual, Fraction(ticks * frame.time_base)) if ticks and ticks > 0 and frame.time_base else usual


def file_rate(stream: Any) -> Fraction | None:
    """Return a stream's stored rate in frames a second; None if missing or implausible, such as clock ticks."""
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((Fraction(rate) for rate in rates if rate and Fraction(1, 3600) <= rate <= _FASTEST), None)


def measured_rate(packets: Iterable[Any], mended: PacketTimes) -> tuple[Fraction | None, Fraction | None]:
    """Measure frames a second from the times of packets, and the length in seconds.

    Returns:
        The usual rate of the first packets, or None if unknown; and None for the length. Animations are read to their
        end: their average rate, and their length.
    """
    times: set[Fraction] = set()
    for packet in packets:
        if isinstance(packet, Exception) or packet.is_discard:
            continue
        mended.mend(packet)
        ticks = packet.dts if packet.pts is None else packet.pts
        if ticks is not None:
            times.add(Fraction(ticks * packet.time_base))
        if len(times) == _MEASURED and not isinstance(mended, AnimationTimes):
            break
    if len(times) < 2:
        return None, None
    ordered = sorted(times)
    if isinstance(mended, AnimationTimes):
        length = ordered[-1] * Fraction(len(times), len(times) - 1)
        return (len(times) / length).limit_denominator(1001), length
    steps = sorted(later - earlier for earlier, later in itertools.pairwise(ordered))
    return (1 / steps[len(steps) // 2]).limit_denominator(1001), None


def shown_for(milliseconds: float) -> Fraction:
    """Return the seconds for which viewers show an animation's frame with this stored duration."""
    return Fraction(played(milliseconds)).limit_denominator(100) / 1000


def exact_rate(fps: float) -> Fraction:
    """Return the exact rate behind a rounded one: 29.97 is 30000/1001."""
    for whole in (24, 30, 48, 60, 120):
        if abs(fps - whole * 1000 / 1001) < 0.004:
            return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(60_000)


def stream_length(container: Any, stream: Any) -> Fraction | None:
    """Return a stream's stored length in seconds, or None. Matroska stores it in a tag, or for all streams together."""
    if stream.duration is not None and stream.time_base:
        return Fraction(stream.duration * stream.time_base)
    said = {name.upper(): value for name, value in stream.metadata.items()}
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", said.get("DURATION", ""))
    if match:
        return int(match[1]) * 3600 + int(match[2]) * 60 + Fraction(match[3])
    return Fraction(container.duration, 10**6) if container.duration and len(container.streams) == 1 else None

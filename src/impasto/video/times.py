"""When frames are shown: no frame is left out because its time goes back, starts anew, repeats or misses."""

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
"""FFmpeg's names of formats whose frames say how long they stand."""

USUAL_RATE = Fraction(25)  # of folders of frames, and of files that do not say
_FASTEST = 240  # frames a second; what says more is measured
_MEASURED = 48  # packets
_BACK = Fraction(3, 2)  # steps; times of decoding go back so far only where they start anew


@dataclass
class PacketTimes:
    """One line of times through packets: where it starts anew or jumps, it goes on.

    Joined recordings and MPEG streams start anew; a counter that is reset jumps by hours.

    Args:
        step: seconds of a packet that does not say how long it is.
        longest: seconds; a longer silence between two packets is no pause but a jump.
    Attributes:
        jumps: how often it started anew.
    """

    step: Fraction
    longest: Fraction = Fraction(3600)
    jumps: int = 0
    _offset: Fraction = Fraction(0)
    _last: Fraction | None = None
    _next: Fraction = Fraction(0)
    _latest: Fraction = Fraction(0)  # that has been announced to be shown

    def mend(self, packet: Any) -> None:
        """Move a packet's times, in the order in which packets are stored."""
        unit = packet.time_base
        if not unit or packet.is_discard:  # what an edit list hides lies at the times of what it shows
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
    """The times of a GIF or an APNG as browsers and viewers show it."""

    def mend(self, packet: Any) -> None:
        if packet.pts is None or not packet.time_base:
            return
        packet.pts = packet.dts = round(self._next / packet.time_base)
        self._next += shown_for(float((packet.duration or 0) * packet.time_base * 1000))


@dataclass
class FrameTimes:
    """Rising times for frames in the order in which they are shown.

    AVI and raw streams store times of decoding: those of a few frames are in another order than the frames.

    Args:
        step: seconds of a frame, on average.
        depth: how many frames a decoder holds back to bring them into their order.
    Attributes:
        made_up: how many frames had no time, or that of another.
    """

    step: Fraction
    depth: int = 0
    made_up: int = 0
    _known: list[Fraction] = field(default_factory=list)

    def of(self, frames: Iterable[Any]) -> Iterator[tuple[Any, Fraction]]:
        """Each frame with its time in seconds."""
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
    """Seconds that a decoded frame is shown, as the file says; `usual` where it does not, or says less."""
    ticks = getattr(frame, "duration", None)
    return max(usual, Fraction(ticks * frame.time_base)) if ticks and ticks > 0 and frame.time_base else usual


def file_rate(stream: Any) -> Fraction | None:
    """Frames a second as a stream says; None where that is nothing, or nonsense such as its clock's ticks."""
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((Fraction(rate) for rate in rates if rate and Fraction(1, 3600) <= rate <= _FASTEST), None)


def measured_rate(packets: Iterable[Any], mended: PacketTimes) -> tuple[Fraction | None, Fraction | None]:
    """Frames a second by the times of packets, and seconds of the whole.

    Returns:
        the usual rate of the first packets, None where they tell nothing; and None for the length where it was not
        looked for. An animation is looked through: its average rate, and its length.
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
    """Seconds that viewers show a frame of an animation that says this."""
    return Fraction(played(milliseconds)).limit_denominator(100) / 1000


def exact_rate(fps: float) -> Fraction:
    """A rate as it is meant: 29.97 is 30000/1001."""
    for whole in (24, 30, 48, 60, 120):
        if abs(fps - whole * 1000 / 1001) < 0.004:
            return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(60_000)


def stream_length(container: Any, stream: Any) -> Fraction | None:
    """Seconds of a stream as its file says, or None: Matroska says it in a tag, or for all streams together."""
    if stream.duration is not None and stream.time_base:
        return Fraction(stream.duration * stream.time_base)
    said = {name.upper(): value for name, value in stream.metadata.items()}
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", said.get("DURATION", ""))
    if match:
        return int(match[1]) * 3600 + int(match[2]) * 60 + Fraction(match[3])
    return Fraction(container.duration, 10**6) if container.duration and len(container.streams) == 1 else None

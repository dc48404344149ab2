"""What a user says of a clip: the fields that the command line and `paint_video` share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.settings import check, setting

VideoEngineName: TypeAlias = Literal["light", "painter", "optimize"]


@dataclass(frozen=True)
class VideoOptions:
    """How a clip is read, painted and written, whatever its style.

    Attributes:
        engine: "light"; "painter" takes five times as long a frame; "optimize" optimizes every frame, for short clips,
            and needs the extra `torch`.
        long_term: 0..100. The optimizer also holds to the picture so many frames ago, where the last one shows
            something else.
        keyframes: styles that change, such as "0:starry-night,5:great-wave:0.5" (see `keyframes.parse_keyframes`);
            seconds of the result.
        steady: 0..100. How much of the last picture is carried along the motion.
        start, end: seconds of the source.
        fps: another frame rate, by leaving out or repeating frames; None keeps the source's timing, variable or not.
        codec: h264, hevc, av1, vp9, prores, ffv1; None, the container's usual one.
        quality: 0..63. The encoder's constant rate factor: lower is better and larger.
        sound: take sound and subtitles along.
        strip_location: leave out where the source was recorded.
        strip_metadata: leave out all that the source says of itself, its chapters and covers, too; languages stay.
        keep_partial: when stopped, keep what is done as a playable file.
        resume: keep what is done in pieces beside the result, whatever ends the run. Another run goes on from there.
        segment: frames of such a piece.
        untrusted: somebody else chose the clip, the paintings and the masks: links and folders are refused.
    Raises:
        UsageError: a value of another type or out of its range.
    """

    engine: VideoEngineName = setting(
        "light", "What paints: painter takes five times as long a frame, optimize minutes a second."
    )
    long_term: int = setting(0, "The optimizer also holds to the picture so many frames ago.", 0, 100)
    keyframes: str | None = setting(
        None, "Styles that change: SECONDS:STYLE[:SHARE OF THE STRENGTH[:BRUSH SIZE]], with commas between."
    )
    steady: float = setting(70, "How much of the last picture is carried along the motion.", 0, 100)
    start: float = setting(0, "From this second on.", 0, 1e6)
    end: float | None = setting(None, "Up to this second.", 0, 1e6)
    fps: float | None = setting(None, "Another frame rate.", 0.01, 1000)
    codec: str | None = setting(None, "h264, hevc, av1, vp9, prores or ffv1; the container's usual one if not given.")
    quality: int | None = setting(None, "Constant rate factor: lower is better and larger.", 0, 63)
    sound: bool = setting(True, "Take sound and subtitles along.")
    strip_location: bool = setting(False, "Leave out where it was recorded.")
    strip_metadata: bool = setting(False, "Leave out all that it says of itself: titles, dates, chapters, covers.")
    keep_partial: bool = setting(False, "When stopped, keep what is done.")
    resume: bool = setting(False, "Keep what is done, whatever happens; go on from there.")
    untrusted: bool = setting(False, "Somebody else chose the clip: refuse links and folders.")
    segment: int = setting(120, "Frames after which --resume keeps what is done.", 1, 100_000)

    def __post_init__(self) -> None:
        check(self)


def options_and_controls(options: VideoOptions | None, values: Mapping[str, Any]) -> tuple[VideoOptions, Controls]:
    """Sort keyword values: the fields of `VideoOptions`, which replace those of `options`, and those of `Controls`.

    Raises:
        UsageError: a name that is neither's field, or a value that its field refuses.
    """
    names = {kind: [part.name for part in fields(kind)] for kind in (VideoOptions, Controls)}
    known = names[VideoOptions] + names[Controls]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise UsageError(
            f"{unknown[0]} is no control or video option", f"one of {', '.join(known)}", code="unknown-setting"
        )
    chosen = {name: value for name, value in values.items() if name in names[VideoOptions]}
    controls = {name: value for name, value in values.items() if name in names[Controls]}
    return replace(options or VideoOptions(), **chosen), Controls(**controls)

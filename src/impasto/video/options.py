"""Options of a clip: the fields that the command line and `paint_video` share."""

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
    """Set how a clip is read, painted and written, with any style.

    Attributes:
        engine: "light"; "painter", which takes five times as long for a frame; "optimize", which optimizes every frame.
            "optimize" is for short clips and needs the extra `torch`.
        long_term: 0..100. The optimizer also stays near the picture this many frames ago, where the previous one shows
            something else. 0: off.
        keyframes: styles that change, such as "0:starry-night,5:great-wave:0.5" (see `keyframes.parse_keyframes`), in
            seconds of the result.
        steady: 0..100. The share of the previous picture to keep, warped along the motion. Higher values flicker less.
        start, end: seconds of the source.
        fps: 0.01..1000, a new frame rate, reached by dropping or repeating frames. None keeps the source's timing,
            constant or variable.
        codec: h264, hevc, av1, vp9, prores, ffv1; None: the container's default.
        quality: 0..63. The encoder's constant rate factor: lower values give better quality and larger files.
        sound: copy sound and subtitles.
        strip_location: remove the place of recording from the metadata.
        strip_metadata: remove all of the source's metadata, also its chapters and covers. Languages stay.
        keep_partial: when stopped, keep the painted part as a playable file.
        resume: store the painted part in pieces beside the result, however the run ends. Another run continues from it.
        segment: the number of frames in such a piece.
        untrusted: a stranger chose the clip, the paintings and the masks: refuse links and folders.
    Raises:
        UsageError: a value has the wrong type or is out of its range.
    """

    engine: VideoEngineName = setting(
        "light", "Engine: painter takes five times as long for a frame, optimize minutes for a second."
    )
    long_term: int = setting(0, "The optimizer also stays near the picture this many frames ago.", 0, 100)
    keyframes: str | None = setting(
        None, "Styles that change: SECONDS:STYLE[:SHARE OF THE STRENGTH[:BRUSH SIZE]], separated by commas."
    )
    steady: float = setting(70, "Share of the previous picture to keep along the motion, against flicker.", 0, 100)
    start: float = setting(0, "Start at this second.", 0, 1e6)
    end: float | None = setting(None, "End at this second.", 0, 1e6)
    fps: float | None = setting(None, "New frame rate; default: the source's.", 0.01, 1000)
    codec: str | None = setting(None, "h264, hevc, av1, vp9, prores or ffv1; default: the container's usual codec.")
    quality: int | None = setting(None, "Constant rate factor: lower gives better quality and larger files.", 0, 63)
    sound: bool = setting(True, "Copy sound and subtitles.")
    strip_location: bool = setting(False, "Remove the place of recording.")
    strip_metadata: bool = setting(False, "Remove all metadata: titles, dates, chapters, covers.")
    keep_partial: bool = setting(False, "When stopped, keep the painted part.")
    resume: bool = setting(False, "Store the painted part as it grows, and continue from it in the next run.")
    untrusted: bool = setting(False, "A stranger chose the clip: refuse links and folders.")
    segment: int = setting(120, "Number of frames after which --resume stores the painted part.", 1, 100_000)

    def __post_init__(self) -> None:
        check(self)


def options_and_controls(options: VideoOptions | None, values: Mapping[str, Any]) -> tuple[VideoOptions, Controls]:
    """Sort keyword values into the fields of `VideoOptions`, which replace those of `options`, and of `Controls`.

    Raises:
        UsageError: a name is not a field of either, or a value is invalid.
    """
    names = {kind: [part.name for part in fields(kind)] for kind in (VideoOptions, Controls)}
    known = names[VideoOptions] + names[Controls]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise UsageError(
            f"unknown control or video option '{unknown[0]}'", f"one of {', '.join(known)}", code="unknown-setting"
        )
    chosen = {name: value for name, value in values.items() if name in names[VideoOptions]}
    controls = {name: value for name, value in values.items() if name in names[Controls]}
    return replace(options or VideoOptions(), **chosen), Controls(**controls)

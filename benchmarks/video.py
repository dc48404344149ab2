#!/usr/bin/env python3
"""Measure steadiness and speed of painted clips, against frames painted alone and against the Johnson network.

    python benchmarks/video.py CLIP... --style NAME [--seconds 2] [--size 480] [-o DIR]

Columns for each clip:

floor, alone, steady 70   warping error (Lai et al. 2018) of the source, of frames painted alone, and of steady frames
excess                    error of the steady frames above the floor, relative to frames painted alone
long                      the same, long term
style                     style loss of the steady frames, relative to frames painted alone
frames/s                  from the clip's file to an MP4: without steadying, with it, and of the Johnson network

The Johnson network is that of `benchmarks/johnson.py`, untrained, in PyTorch eager, with the same reader and encoder.
All three run in turn. Ratios are medians of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from johnson import Johnson

from impasto.measure.judge import Scorer, find_judge
from impasto.measure.warping import warping_error
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.video.assembly import Assembly
from impasto.video.encoding import encoding_for
from impasto.video.paint_video import paint_video
from impasto.video.reading import Clip
from impasto.video.writing import Writer

PLAIN = 8  # timed frames of the Johnson network


def frames_of(path: Path) -> list[np.ndarray]:
    return [frame.pixels for frame in Clip(path).frames()]


def johnson(path: Path, output: Path, arguments: argparse.Namespace) -> float:
    """Return frames a second of the Johnson network: read a frame, paint it, write it."""
    net = Johnson().eval()
    clip = Clip(path, 0, arguments.seconds)
    width, height = (side // 4 * 4 for side in clip.output_size(arguments.size))
    writer = Writer(Assembly(output, encoding_for(output, width, height, clip.rate)))
    done, began = 0, 0.0
    for frame in itertools.islice(clip.frames((width, height)), PLAIN + 1):
        planes = torch.from_numpy(frame.pixels).permute(2, 0, 1)[None].contiguous()
        with torch.inference_mode():
            painted = net(planes)[0].clamp(0, 1).permute(1, 2, 0)
        writer.write(replace(frame, samples=painted.numpy()))
        done, began = done + 1, began or time.perf_counter()  # the first frame is warm-up
    writer.close()
    return (done - 1) / (time.perf_counter() - began)


def speeds(path: Path, arguments: argparse.Namespace) -> str:
    """Measure frames a second without and with steadying, and of the Johnson network, and two ratios."""
    rows = []
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            plain = johnson(path, Path(folder, "plain.mp4"), arguments)
            row = [plain]
            for steady in (0, 70):
                result = paint_video(
                    path,
                    arguments.style,
                    Path(folder, f"{steady}.mp4"),
                    steady=steady,
                    end=arguments.seconds,
                    size=arguments.size,
                )
                row += [result.frames / result.seconds["all"]]
        rows.append([*row, row[1] / plain, row[2] / plain])
    plain, off, on, off_ratio, on_ratio = np.median(rows, axis=0)
    return f"{off:.1f}  {on:.1f}  {plain:.2f}  x {off_ratio:.1f}  x {on_ratio:.1f}"


def style_loss(frames: list[np.ndarray], source: list[np.ndarray], arguments: argparse.Namespace) -> float:
    """Return the judge's mean style loss of four frames."""
    scorer = Scorer(find_judge(arguments.judge), size=max(source[0].shape[:2]))
    gallery = Gallery()
    scorer.add("style", gallery.picture(gallery.get(arguments.style)))
    found = []
    for index in np.linspace(1, len(frames) - 1, 4).astype(int):
        scorer.add(f"{index}", Picture(source[index]))
        found.append(scorer.score(f"{index}", "style", frames[index])["style"])
    return statistics.mean(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--style", default="starry-night")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--size", type=int, default=480)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the timing")
    parser.add_argument("--judge", type=Path, help="VGG-16 in torchvision's format")
    parser.add_argument("-o", "--output", type=Path, help="folder for strips of frames")
    arguments = parser.parse_args()
    print(
        f"{'clip':28} {'floor':>8} {'alone':>8} {'steady 70':>9} {'excess':>7} {'long':>7} {'style':>6}"
        "   frames/s: off, 70, Johnson; ratios"
    )
    ratios = []
    for path in arguments.clips:
        with tempfile.TemporaryDirectory() as folder:
            options = {"end": arguments.seconds, "size": arguments.size, "sound": False}
            target = Path(folder, "steady.mkv")
            paint_video(path, arguments.style, target, steady=70, codec="ffv1", **options)
            steady = frames_of(target)
            clip = Clip(path, 0, arguments.seconds)
            height, width = steady[0].shape[:2]
            source = [frame.pixels for frame in clip.frames((width, height))]
            stylizer = Stylizer(arguments.style)
            alone = [stylizer(Picture(frame)).pixels for frame in source]
            errors = {}
            for long_term in (False, True):
                floor, single, ours = (
                    warping_error(frames, source, long_term=long_term) for frames in (source, alone, steady)
                )
                errors[long_term] = floor, single, ours, (ours - floor) / (single - floor) if single > floor else np.nan
            floor, single, ours, ratio = errors[False]
            ratios.append(ratio)
            style = style_loss(steady, source, arguments) / style_loss(alone, source, arguments)
            print(
                f"{path.stem[:28]:28} {floor:8.5f} {single:8.5f} {ours:9.5f} {ratio:7.2f} "
                f"{errors[True][3]:7.2f} {style:6.3f}   {speeds(path, arguments)}",
                flush=True,
            )
            if arguments.output:
                rows = [
                    np.concatenate([frames[i] for i in (0, len(frames) // 2, len(frames) - 1)], axis=1)
                    for frames in (source, alone, steady)
                ]
                Picture(np.concatenate(rows)).save(arguments.output / f"{path.stem}.png", overwrite=True)
    print(f"median excess over the floor, relative to frames painted alone: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()

"""`impasto camera`: paint a live camera."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import click

from impasto.cli import defaults, options
from impasto.cli.command import Command, option
from impasto.cli.console import INTERRUPTED, note
from impasto.cli.interrupt import by_the_system
from impasto.cli.progress import watched
from impasto.controls import Controls
from impasto.engines.by_name import EngineName
from impasto.errors import UsageError
from impasto.progress import Progress

EXAMPLES = """
impasto camera --style udnie
impasto camera --style udnie --style great-wave --size 960 --folder recordings/
impasto camera --serve --port 8600
impasto camera --style starry-night --virtual
"""


@click.command(cls=Command, examples=EXAMPLES)
@options.style("A style, or several to switch between; default: all built-in styles.")
@defaults.presets()
@option(
    "--engine",
    type=click.Choice(get_args(EngineName)),
    default="light",
    help="Engine that paints. All but light are slow, so frames are painted smaller.",
)
@option("--camera", "source", default="0", help="Number of a camera, or a video's file or URL.")
@option(
    "--fps",
    type=click.FloatRange(1, 120),
    default=15,
    help="Frames a second to reach. Frames become smaller if necessary.",
)
@option("--serve", is_flag=True, help="Show the result as a web page of this computer.")
@option("--port", type=click.IntRange(0, 65535), default=8600, help="Port of that page.")
@option("--virtual", is_flag=True, help="Offer the result to other programs as a camera.")
@option("--folder", type=options.PATH, default=".", help="Folder for recordings and snapshots.")
@option("--frames", type=click.IntRange(min=1), help="Stop after this many frames.")
@options.mark
@options.quiet
@options.settings(Controls, "controls", "Controls")
def camera(
    controls: Controls,
    style: tuple[str, ...],
    engine: EngineName,
    source: str,
    fps: float,
    serve: bool,
    port: int,
    virtual: bool,
    folder: Path,
    frames: int | None,
    mark: bool,
    quiet: bool,
) -> None:
    """Paint a live camera: in a window, in the browser, or as a camera for other programs.

    Keys: n and p change the style, + and - change the strength, r records, s takes a snapshot, q quits.
    """
    from impasto.styles.gallery import Gallery
    from impasto.video.camera import Camera, Live, Screen
    from impasto.video.screens import Server, VirtualCamera, Window

    if serve and virtual:
        raise UsageError("--serve and --virtual exclude each other", "leave one of them out", code="conflict")
    if not quiet:
        options.note_unlearned(style, engine)
    styles: list[Any] = [style] if defaults.are_defaults("style") else list(style)
    styles = styles or [entry.name for entry in Gallery().entries() if entry.builtin]
    with closing(Camera(int(source) if source.isdecimal() else source)) as found:
        live = Live(found, styles, controls, fps=fps, folder=folder, engine=engine, mark=mark, on_note=note)
        screen: Screen
        if serve:
            screen = Server(port)
            note(f"open {screen.url} in the browser; Ctrl-C ends it")
        else:
            screen = VirtualCamera(fps) if virtual else Window()
        with watched(quiet=quiet) as on_progress:
            done = live.run(
                screen,
                frames=frames,
                on_status=lambda now: on_progress(Progress(now.frames, frames or 0, message=str(now))),
            )
    if not quiet:
        print(f"{done} frames painted")
    if by_the_system():
        raise click.exceptions.Exit(INTERRUPTED)

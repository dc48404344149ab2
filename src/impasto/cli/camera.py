"""`impasto camera`: a live camera."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli.console import note, progress_line
from impasto.cli.interrupt import catching_stops
from impasto.cli.options import Mark, Quiet, complete_style, takes_controls
from impasto.controls import Controls
from impasto.engines.by_name import EngineName
from impasto.errors import UsageError

EXAMPLES = """
[b]Examples[/b]

impasto camera --style udnie

impasto camera --style udnie --style great-wave --size 960 --folder recordings/

impasto camera --serve --port 8600

impasto camera --style starry-night --virtual
"""


@takes_controls
def camera(
    controls: Controls,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            "-s",
            help="A style, or several to go through; all built-in ones if not given.",
            autocompletion=complete_style,
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        EngineName, typer.Option(help="What paints. Engines other than light are slow, so frames are painted smaller.")
    ] = "light",
    source: Annotated[str, typer.Option("--camera", help="A camera's number, or a video's file or URL.")] = "0",
    fps: Annotated[float, typer.Option(help="Frames a second to keep, by painting smaller.", min=1, max=120)] = 15,
    serve: Annotated[bool, typer.Option("--serve", help="Show it as a page of this computer.")] = False,
    port: Annotated[int, typer.Option(help="Of the page.", min=0, max=65535)] = 8600,
    virtual: Annotated[bool, typer.Option("--virtual", help="Be a camera for other programs.")] = False,
    folder: Annotated[Path, typer.Option(help="Where recordings and snapshots go.")] = Path(),
    frames: Annotated[int | None, typer.Option(help="End after so many.", min=1, show_default=False)] = None,
    mark: Mark = True,
    quiet: Quiet = False,
) -> None:
    """Paint a live camera: in a window, in the browser, or as a camera for other programs.

    Keys: n and p change the style, + and - the strength, r records, s takes a snapshot, q quits.
    """
    from impasto.styles.gallery import Gallery
    from impasto.video.camera import Camera, Live, LiveStatus, Screen
    from impasto.video.screens import Server, VirtualCamera, Window

    if serve and virtual:
        raise UsageError("--serve or --virtual, one of the two")
    styles = style or [entry.name for entry in Gallery().entries() if entry.builtin]
    with closing(Camera(int(source) if source.isdecimal() else source)) as found:
        live = Live(found, styles, controls, fps=fps, folder=folder, engine=engine, mark=mark, on_note=note)
        with catching_stops() as stopped:
            screen: Screen
            if serve:
                screen = Server(port)
                note(f"open {screen.url} in the browser; Ctrl-C ends it")
            else:
                screen = VirtualCamera(fps) if virtual else Window()

            def show(status: LiveStatus) -> bool:
                if not quiet:
                    progress_line(str(status))
                return not stopped()

            done = live.run(screen, frames=frames, on_status=show)
    progress_line()
    if not quiet:
        print(f"{done} frames painted")

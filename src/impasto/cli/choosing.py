"""Let the user choose in the browser how files are painted."""

from __future__ import annotations

import os
import threading
import webbrowser
from collections.abc import Sequence
from dataclasses import replace

import click

from impasto.cli.addresses import address, listening
from impasto.cli.app import has_screen
from impasto.cli.console import INTERRUPTED, note
from impasto.cli.serving import log_as_notes, need_extra
from impasto.errors import UsageError
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.service.personal import Personal, access
from impasto.system.sessions import threads

_HERE = "127.0.0.1"
_SHOWN = 2048  # longer side of the page's picture, in pixels; strokes scale with the picture


def chosen_in_the_browser(files: Sequence[str], max_pixels: int) -> Stylizer | None:
    """Return the painter that the user chose on the page, or None to leave the files as they are.

    The page shows the first file.

    Raises:
        UsageError: there is no screen.
        MissingExtra: the page's packages are not installed.
        PictureError: the first file cannot be read.
    """
    if not has_screen():
        hint = "--style STYLE, or --preset NAME"
        raise UsageError("no style given, and no screen to choose one on", hint, code="nothing-given")
    need_extra("app")
    threads()
    shown = Picture.open(files[0], max_pixels=max_pixels, at_most=_SHOWN)
    data = shown.encode("PNG", mark=False, strip_metadata=True, animated=False)
    from impasto.service.editing import Editing
    from impasto.service.pool import WorkerPool
    from impasto.service.run import Front

    editing = Editing(os.path.basename(files[0]), len(files), data)
    config = replace(Personal(max_pixels=max_pixels).service_config(), jobs_url=None)
    with listening(_HERE, 0) as place:
        log_as_notes()
        painting, jobs = (WorkerPool(config.workers, config.worker_megabytes, nice=nice) for nice in (0, 10))
        front = Front(painting, jobs, config, access(_HERE), editing=editing)
        url = address(_HERE, place.getsockname()[1])

        def announce() -> None:
            note(f"choose at {url}")
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

        front.run(place, announce, lambda: editing.wait(lambda: front.service.load.ending))
    if not editing.answered:
        note("stopped; the files are unchanged")
        raise click.exceptions.Exit(INTERRUPTED)
    return None if editing.chosen is None else editing.chosen.stylizer()

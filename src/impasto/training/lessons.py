"""Learn a painting into the user's gallery: add the style, save the best state so far, and continue later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impasto.engines.by_name import DEFAULT, engine_of
from impasto.errors import StyleError, UsageError, write_fault
from impasto.picture import Picture, Source
from impasto.progress import OnProgress, Progress, Stopped
from impasto.styles.gallery import Gallery
from impasto.system.locks import lock
from impasto.training.learn import Learned, Learning, check

MINUTES = 3.0


def learn(
    painting: Source | None = None,
    *,
    name: str,
    minutes: float = MINUTES,
    steps: int | None = None,
    photos: str | Path | None = None,
    boldness: float | None = None,
    title: str = "",
    artist: str = "",
    year: str = "",
    license: str = "",
    replace: bool = False,
    engine: str = DEFAULT,
    device: str = "auto",
    seed: int = 0,
    gallery: Gallery | None = None,
    on_progress: OnProgress | None = None,
) -> Learned:
    """Learn a painting for some minutes. It becomes a style of your gallery.

    A new style is in the gallery at once and improves while the training runs. A style that is replaced stays until the
    training begins. Without a painting, the
    training continues with the style `name` of your gallery.

    Args:
        painting: file or picture of the painting; None to continue with an existing style.
        name: name of the style.
        minutes: time to spend.
        steps: end after this many steps, or when the time is up, whichever comes first.
        photos: photographs to paint while learning: a folder, tar shards or a URL; None for the built-in photographs.
        boldness: 0..100: how far the painting's lines and dots may fill plain areas of photos; None: as in the last
            run, or 0 for a new style.
        title, artist, year, license, replace: facts of a new style, as for `impasto.Gallery.add`.
        engine: the engine that learns, "painter" or "light". All other engines paint the style without the training.
        device: "auto", "cpu", "cuda" or "mps".
        seed: determines the photographs, the crops and the noise.
        gallery: the gallery of the style; None for your own.
        on_progress: called before the preparation, with step 0, and after every step, with the losses relative to
            those before the training. Returning False after a step stops and keeps the best result so far. Returning
            False before raises `impasto.progress.Stopped`.
    Returns:
        The learned style and its losses before and after.
    Raises:
        UsageError: the time or the boldness is out of range, the painting is too small, the name is taken or unknown,
            or another program is learning the style.
        PictureError: the painting cannot be read, or the folder contains no photographs.
        StyleError: the gallery cannot be written to, or the style is damaged.

    >>> learned = impasto.learn("painting.jpg", name="mine", engine="light", on_progress=lambda now: now.step < 1)
    >>> "mine" in impasto.Gallery()
    True
    """
    gallery = Gallery(gallery.folder if gallery else None, engine_of(engine))
    if painting is None:
        folder = gallery.own_painting(name)
        picture = gallery.picture(gallery.get(name))
        start = _earlier(gallery, name)
    else:
        gallery.check_free(name, replace=replace)
        folder = gallery.folder / name
        picture, start = Picture.open(painting), None
        if folder.exists():
            with alone(folder, name):  # refuse if another program is learning it
                pass
    if boldness is None:
        boldness = 0.0 if start is None else start.boldness
    check(picture, 60 * minutes, boldness)
    replaces = painting is not None and name in gallery

    def add() -> None:
        if painting is not None:
            gallery.add(name, painting, title=title, artist=artist, year=year, license=license, replace=replace)

    def on_checked() -> None:
        if not replaces:
            add()
        if on_progress is not None and on_progress(Progress(0, steps or 0, message="preparing")) is False:
            raise Stopped

    learning = Learning(
        picture,
        photos=photos,
        start=start,
        boldness=boldness,
        device=device,
        seed=seed,
        engine=engine,
        on_checked=on_checked,
    )
    if replaces:  # not before the preparation, during which the run may still be stopped
        add()
    with alone(folder, name):
        result = learning.run(
            60 * minutes,
            steps=steps,
            on_progress=on_progress,
            on_best=lambda best: _keep(gallery, name, best),
        )
        _keep(gallery, name, result)
    return result


def _keep(gallery: Gallery, name: str, result: Learned) -> None:
    worth = {term: round(result.ratio(term), 4) for term in ("style", "content")}
    facts = {"steps": result.steps, "seconds": round(result.seconds, 1), "boldness": result.boldness}
    gallery.teach(name, result.vector, facts | worth)


def _earlier(gallery: Gallery, name: str) -> Learned | None:
    """Return what an earlier run learned of a style, without its losses."""
    vector, facts = gallery.vector(name), gallery.get(name).learned.get(gallery.painter.name)
    if facts is None:
        return None
    steps, seconds, boldness = (facts.get(key, 0) for key in ("steps", "seconds", "boldness"))
    return Learned(vector, {}, {}, int(steps), float(seconds), boldness=float(boldness))


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Lock a style while the context lasts. The system releases the lock even if the program is killed.

    Raises:
        UsageError: another program, or another part of this one, is learning the style.
        StyleError: the folder cannot be written to.
    """
    try:
        file = (folder / ".learning").open("ab")
    except OSError as error:
        raise StyleError(
            f"cannot write to your gallery in {folder.parent}: {error.strerror or error}", code=write_fault(error)
        ) from error
    with file:
        try:
            lock(file)
        except OSError:
            raise UsageError(
                f"another program is already learning {name}", "wait until it ends, or stop it", code="in-use"
            ) from None
        yield

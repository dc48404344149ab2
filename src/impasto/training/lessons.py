"""Learn a painting into the user's gallery: add it as a style, keep the best so far there, go on later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impasto.engines.by_name import DEFAULT, engine_of
from impasto.errors import StyleError, UsageError, write_fault
from impasto.picture import Picture, Source
from impasto.progress import OnProgress
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
    title: str = "",
    artist: str = "",
    year: str = "",
    licence: str = "",
    replace: bool = False,
    engine: str = DEFAULT,
    device: str = "auto",
    seed: int = 0,
    gallery: Gallery | None = None,
    on_progress: OnProgress | None = None,
) -> Learned:
    """Learn a painting for some minutes; it becomes a style of your gallery.

    The style is in the gallery from the first step on and gets better while it is learned. Without a painting, learn
    the one of your style `name`, or go on from what was learned of it before.

    Args:
        painting: its file or picture; None for a style that is there.
        name: what the style is called.
        minutes: to spend.
        steps: end after so many, if the time has not ended before.
        photos: to paint while learning: a folder, tar shards or a URL; the photographs that ship if not given.
        title, artist, year, licence, replace: of a new style, as for `impasto.Gallery.add`.
        engine: that learns, "painter" or "light"; others paint the style as its encoded vector.
        device: "auto", "cpu", "cuda" or "mps".
        on_progress: called after every step with the losses over the encoded vector's; returning False stops and
            keeps the best so far.
    Raises:
        UsageError: no time, a painting too small, a name that is taken or not there, or that is being learned.
        PictureError: the painting cannot be read, or there are no photographs in the folder.
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
            with alone(folder, name):  # not while it is learned
                pass
    check(picture, 60 * minutes)
    learning = Learning(picture, photos=photos, start=start, device=device, seed=seed, engine=engine)
    if painting is not None:
        gallery.add(name, painting, title=title, artist=artist, year=year, licence=licence, replace=replace)
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
    gallery.teach(name, result.vector, {"steps": result.steps, "seconds": round(result.seconds, 1)} | worth)


def _earlier(gallery: Gallery, name: str) -> Learned | None:
    """What was learned of a style before; its losses are measured anew."""
    vector, facts = gallery.vector(name), gallery.get(name).learned.get(gallery.painter.name)
    if facts is None:
        return None
    return Learned(vector, {}, {}, int(facts.get("steps", 0)), float(facts.get("seconds", 0)))


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Hold a style for oneself; the system lets go of it even if the program is killed.

    Raises:
        UsageError: another program, or another part of this one, is learning it.
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
            raise UsageError(f"{name} is being learned already", "wait for that, or stop it", code="in-use") from None
        yield

"""Make a study: paint and collect results, give them anonymous names, and plan the sessions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from impasto.errors import ImpastoError, PictureError, UsageError
from impasto.measure.engines import Paint, check_engines, painting_with
from impasto.measure.folders import SEPARATOR, names_of, pictures_in
from impasto.picture.reading import MAX_PIXELS
from impasto.progress import OnProgress, Progress, Stopped
from impasto.study.alone import alone
from impasto.study.page import single_file
from impasto.study.pictures import Pictures, picture_file
from impasto.study.plan import ANSWERS, FILE, METRICS, PAGE, UNPAINTED, Plan, Scene
from impasto.study.trials import planned
from impasto.study.wording import Wording
from impasto.system.files import already_there, check_folder, write_atomically

SIZE, TRIALS, SHARE = 1024, 40, 10
_OTHER_SHAPE = 0.05  # largest difference between a result's aspect ratio and its photo's
_SMALLEST = 8  # a result whose longer side is less than the photo's divided by this is refused
_LEAST = 32  # smallest shorter side in pixels of a photo or a painting
_LARGEST_PAGE = 150_000_000  # largest size in bytes of the pictures in a single file


@dataclass
class Made:
    """The result of making a study.

    Attributes:
        plan: the plan of the study.
        failures: a line for every picture that cannot be used.
        notes: a line for each condition that lacks results which others have.
        page: the single file; None if there are too many pictures for one.
    """

    plan: Plan
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    page: Path | None = None


def make(
    folder: Path,
    photos: Path,
    styles: Path,
    *,
    engines: Sequence[str] = (),
    results: Sequence[Path] = (),
    size: int = SIZE,
    limit: int | None = None,
    wording: Wording | None = None,
    trials: int = TRIALS,
    repeats: int = SHARE,
    catches: int = SHARE,
    seed: int = 0,
    overwrite: bool = False,
    max_pixels: int = MAX_PIXELS,
    on_progress: OnProgress | None = None,
) -> Made:
    """Make a study of every photo in every style, from engines and from folders of results named PHOTO__STYLE.ext.

    A run that was stopped keeps its painted pictures and continues with them.

    Args:
        folder: for study.json, the pictures, and study.html.
        engines: names from `impasto.measure.engines.ENGINES`, each a condition.
        results: folders of results. Each is a condition with the folder's name.
        size: longer side of every picture in pixels.
        limit: largest number of photos, and of styles.
        wording: texts for the observers; None for the default texts.
        trials: pairs of a session, including repeats and catch trials; fewer if there are not enough pairs.
        repeats, catches: their shares of the trials in per cent.
        seed: determines everything random.
        overwrite: True to replace a study that has no answers.
        on_progress: called after every picture. Returning False stops.
    Raises:
        UsageError: there are fewer than two conditions, or two with the same name.
        PictureError: there are no pictures, the folder cannot be written to, or it contains a study or answers.
        Stopped: `on_progress` has returned False.
    """
    check_engines(engines)
    conditions = [*engines, *(path.resolve().name for path in results)]
    _check_conditions(conditions)
    wording = wording or Wording()
    wording.check()
    _check_free(folder, overwrite)
    names = tuple({file.stem for file in pictures_in(of)} for of in (photos, styles))
    files = {path.resolve().name: pictures_in(path) for path in results}
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        failures: list[str] = []
        store = Pictures(folder, size, seed, max_pixels)
        photo_files = _named(store, photos, "photo", limit, failures)
        style_files = _named(store, styles, "style", limit, failures)
        makers = {name: _engine(store, name) for name in engines}
        makers |= {name: _gathered(store, name, of, names, failures) for name, of in files.items()}
        scenes = list(_scenes(store, photo_files, style_files, makers, failures, on_progress))
        if not scenes:
            hint = failures[0] if failures else f"name results PHOTO{SEPARATOR}STYLE.png"
            raise PictureError("no photo has two results in one style", hint, code="no-pictures")
        plan = _plan(store, scenes, conditions, wording, photo_files, style_files, seed)
        plan = planned(plan, trials, repeats, catches)
        write_atomically(folder / FILE, plan.to_json().encode(), overwrite=overwrite)
        for stale in (METRICS, PAGE):  # of the replaced study
            (folder / stale).unlink(missing_ok=True)
        made = Made(plan, failures, [note for name in conditions if (note := _missing(plan, name))])
        if sum(picture_file(folder, name).stat().st_size for name in plan.pictures) <= _LARGEST_PAGE:
            made.page = folder / PAGE
            write_atomically(made.page, single_file(plan, folder).encode(), overwrite=False)
    return made


def _missing(plan: Plan, condition: str) -> str:
    missing = sum(condition not in scene.results for scene in plan.scenes)
    return f"{condition} has no result in {missing} of {len(plan.scenes)} scenes" if missing else ""


def _check_conditions(names: Sequence[str]) -> None:
    for name in names:
        if not name.isprintable() or name != name.strip() or not name:
            raise UsageError(
                f"{name!a} cannot be the name of a condition", "rename the folder of results", code="bad-name"
            )
        if names.count(name) > 1:
            raise UsageError(f"two conditions are named {name}", "give each condition once", code="name-taken")
    if UNPAINTED in names:
        raise UsageError(f"{UNPAINTED} is reserved for the unpainted photo", "rename the folder", code="name-taken")
    if len(names) < 2:
        hint = "add --engine painter --engine light, or --results FOLDER --results FOLDER"
        raise UsageError("a study needs at least two conditions", hint, code="nothing-given")


def _check_free(folder: Path, overwrite: bool) -> None:
    answers = folder / ANSWERS
    try:
        answered = answers.is_file() and answers.read_bytes().count(b"\n") > 1
    except OSError as error:
        raise PictureError(f"cannot read {answers}: {error.strerror}", code="not-readable") from None
    if answered:
        raise PictureError(f"{folder} contains answers", "make the study in another folder", code="already-there")
    for name in (FILE, PAGE, METRICS):
        if (folder / name).exists() and not overwrite:
            raise already_there(folder / name)
    check_folder(folder, FILE)


def _named(store: Pictures, folder: Path, kind: str, limit: int | None, failures: list[str]) -> dict[str, Path]:
    """Return the readable pictures of a folder by their names."""
    found: dict[str, Path] = {}
    for file in pictures_in(folder):
        if len(found) == limit:
            break
        if not file.stem.isprintable():
            failures.append(f"{file.name!a} has unprintable characters in its name")
        elif SEPARATOR in file.stem:
            failures.append(f"{file.name}: names cannot contain {SEPARATOR}, which separates photo and style")
        elif file.stem in found:
            failures.append(f"{file.name}: another {kind} has the same name")
        else:
            try:
                _, picture = store.read(file)
                if min(picture.width, picture.height) < _LEAST:
                    size = f"{picture.width} x {picture.height}"
                    raise PictureError(f"{file.name} is too small to judge: {size}", code="too-small")
            except ImpastoError as error:
                failures.append(str(error))
            else:
                found[file.stem] = file
    if not found:
        raise PictureError(f"no picture in {folder} can be used", failures[-1], code="no-pictures")
    return found


_Result = Callable[[str, Path, str, Path], "str | None"]
"""Maps a photo and a style, name and file each, to the name of a picture; None if there is no result."""


def _engine(store: Pictures, name: str) -> _Result:
    paint: Paint = painting_with(name)

    def result(photo: str, photo_file: Path, style: str, style_file: Path) -> str:
        (photo_digest, source), (style_digest, _) = store.read(photo_file), store.read(style_file)
        parts = (name, photo, style, photo_digest, style_digest)
        return store.put(parts, lambda: paint(style_file, source, 100))

    return result


def _gathered(
    store: Pictures, condition: str, results: Sequence[Path], names: tuple[set[str], ...], failures: list[str]
) -> _Result:
    photos, styles = names
    files: dict[tuple[str, str], Path] = {}
    for file in results:
        photo, style = names_of(file)
        if (photo, style) in files:
            failures.append(f"{condition}/{file.name}: another result has the same name")
        elif photo in photos and style in styles:
            files[photo, style] = file
        else:
            failures.append(
                f"{condition}/{file.name} is not named PHOTO{SEPARATOR}STYLE after pictures of these folders"
            )

    def result(photo: str, photo_file: Path, style: str, _style_file: Path) -> str | None:
        file = files.get((photo, style))
        if file is None:
            return None
        digest, picture = store.read(file)
        _, source = store.read(photo_file)
        shape = picture.width / picture.height / (source.width / source.height)
        size = f"{picture.width} x {picture.height}"
        if abs(shape - 1) > _OTHER_SHAPE:
            raise PictureError(f"{file} differs in shape from its photo: {size}", code="mismatch")
        if max(picture.width, picture.height) * _SMALLEST < max(source.width, source.height):
            raise PictureError(f"{file} is too small to compare: {size}", code="too-small")
        parts = (f"results {condition}", photo, style, digest)
        return store.put(parts, lambda: picture.resized(source.width, source.height))

    return result


def _scenes(
    store: Pictures,
    photos: dict[str, Path],
    styles: dict[str, Path],
    conditions: dict[str, _Result],
    failures: list[str],
    on_progress: OnProgress | None,
) -> Iterator[Scene]:
    total, step = len(photos) * len(styles) * len(conditions), 0
    for photo, photo_file in photos.items():
        for style, style_file in styles.items():
            pictures: dict[str, str] = {}
            for name, result in conditions.items():
                step += 1
                try:
                    picture = result(photo, photo_file, style, style_file)
                except ImpastoError as error:
                    failures.append(f"{name}: {photo} in {style}: {error}")
                else:
                    if picture is not None:
                        pictures[name] = picture
                progress = Progress(step, total, step / total, f"{name}: {photo} in {style}")
                if on_progress is not None and on_progress(progress) is False:
                    raise Stopped
            if len(pictures) > 1:
                digest, source = store.read(photo_file)
                parts = (UNPAINTED, photo, style, digest)
                pictures[UNPAINTED] = store.put(parts, source)
                yield Scene(photo, style, pictures)
            else:
                failures.append(f"skipped {photo} in {style}: fewer than two results")


def _plan(
    store: Pictures,
    scenes: list[Scene],
    conditions: Sequence[str],
    wording: Wording,
    photos: dict[str, Path],
    styles: dict[str, Path],
    seed: int,
) -> Plan:
    """Return the plan of a session, without its numbers of trials; `planned` adds them."""
    used_photos, used_styles = ({getattr(scene, kind): None for scene in scenes} for kind in ("photo", "style"))

    def shown(kind: str, name: str, file: Path) -> str:
        digest, picture = store.read(file)
        return store.put((kind, name, digest), picture)

    return Plan(
        study=secrets.token_hex(8),
        title=wording.title,
        welcome=wording.welcome,
        consent=wording.consent,
        mail=wording.mail,
        questions=list(wording.questions),
        conditions=list(conditions),
        scenes=scenes,
        photos={name: shown("photo", name, photos[name]) for name in used_photos},
        styles={name: shown("style", name, styles[name]) for name in used_styles},
        pictures=store.sizes,
        trials=0,
        repeats=0,
        catches=0,
        seed=seed,
    )

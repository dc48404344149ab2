"""Convert the forms of clients into work, and forms into bytes and back for the store."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from impasto.engines.by_name import DEFAULT, EngineName
from impasto.errors import ImpastoError, UsageError
from impasto.service.fields import PAINTING, Form, names_of, paint_work, settings
from impasto.service.jobs.folder import FolderWork
from impasto.service.jobs.work import CLIPS, ClipWork, LearnWork, OptimizeWork, need
from impasto.service.looking import look_at
from impasto.service.negotiation import suffix_of
from impasto.service.owners import check_may_change
from impasto.service.service import Service
from impasto.service.stylize import work_of
from impasto.service.work import Upload, Work
from impasto.settings import check, setting
from impasto.styles.store import check_name
from impasto.video.options import VideoOptions

_START = re.compile(r"photo|noise|style|(painter|mix)(:(0(\.\d{1,6})?|1(\.0{1,6})?))?")
_LARGEST = 2048  # pixels
LONGEST = 200
"""Largest length in characters of a text about a painting."""
SENT = ("image", "clip", "folder")
"""The fields that contain a job's input."""
OWNER = "impasto owner"
"""The field with a style's owner, which only the service sets."""
OPTIMIZE = "optimize"
"""The engine that only jobs have."""


class Asked(NamedTuple):
    """The work that a client asks for."""

    kind: str
    work: Work


@dataclass(frozen=True)
class DescentFields:
    """The fields of an optimization, as in `Recipe`. Missing fields have the recipe's values."""

    recipe: str = setting("default", "Name of the recipe: default, gatys2016, wasserstein, fast or faithful.")
    iterations: int | None = setting(None, "Evaluations of the losses, over all scales.", 1, 100_000)
    start: str | None = setting(None, "Start: photo, noise, style, painter:SHARE or mix:SHARE.")
    style_loss: str | None = setting(None, "Style loss: gram, moments or wasserstein.")
    optimizer: str | None = setting(None, "Optimizer: lbfgs, adam or sgd.")
    content_weight: float | None = setting(None, "Weight of the content loss.", 0, 1e9)
    style_weight: float | None = setting(None, "Weight of the style loss.", 0, 1e9)
    histogram_weight: float | None = setting(None, "Weight of the histogram loss.", 0, 1e9)
    variation_weight: float | None = setting(None, "Weight of the total variation.", 0, 1e9)
    largest: int | None = setting(None, "Largest longer side in pixels that is optimized.", 64, _LARGEST)
    tolerance: float | None = setting(None, "Stop a scale when it improves by less than this share.", 0, 1)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class ClipFields:
    """The fields of a clip, as in `VideoOptions`."""

    steady: float = setting(70, "How much of the previous frame is carried along the motion.", 0, 100)
    start: float = setting(0, "Start at this second.", 0, 1e6)
    end: float | None = setting(None, "End at this second.", 0, 1e6)
    fps: float | None = setting(None, "Frame rate; the default is the clip's own.", 0.01, 1000)
    codec: str | None = setting(None, "Codec: h264, hevc, av1, vp9, prores or ffv1.")
    crf: int | None = setting(None, "Constant rate factor: lower is better and larger.", 0, 63)
    sound: bool = setting(True, "Keep sound and subtitles.")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class LearnFields:
    """The fields of a painting that becomes a style."""

    name: str = setting("", "Name of the style: lower-case letters, digits and hyphens.")
    seconds: float = setting(0, "Seconds of training; 0 for none, which makes the style available at once.", 0, 86_400)
    boldness: float | None = setting(
        None,
        "How far lines and dots may fill plain areas of photos; the default is that of the last training, else 0.",
        0,
        100,
    )
    engine: EngineName = setting(DEFAULT, "The engine to train.")
    title: str = setting("", "The painting's title.")
    artist: str = setting("", "The painter.")
    year: str = setting("", "When.")
    license: str = setting("", "The painting's license.")

    def __post_init__(self) -> None:
        check(self)


def job_work(form: Form, service: Service) -> Asked:
    """Return the work that a form of `POST /v1/jobs` asks for.

    Raises:
        UsageError: the request is invalid, or exceeds a limit.
        PictureError: a photo is not a picture.
        MissingExtra: an optional package is not installed.
    """
    sent = [name for name in SENT if name in form.uploads]
    if len(sent) > 1:
        raise UsageError(f"{sent[0]} and {sent[1]} cannot be combined", "send one of them", code="conflict")
    if sent == ["clip"]:
        return Asked("clip", _clip(form, service))
    if sent == ["folder"] or len(form.uploads.get("image", [])) > 1:
        return Asked("folder", _folder(form, service))
    if form.text("engine") == OPTIMIZE:
        return Asked("optimize", _optimize(form, service))
    form.check_known(PAINTING)
    return Asked("photo", work_of(form, service, ""))


def style_work(form: Form, service: Service) -> Asked:
    """Return the work that a form of `POST /v1/styles` asks for: a new style or, without a painting, further training.

    Raises:
        UsageError, PictureError, MissingExtra: as for `job_work`; or the name is invalid or taken.
    """
    form.check_known({"painting", OWNER, *names_of(LearnFields)})
    config, said, owner = service.config, settings(LearnFields, form), form.text(OWNER, "") or ""
    check_name(said.name)
    learns_on = not form.files("painting") and said.name in service.gallery
    if learns_on:
        check_may_change(service.gallery.get(said.name), owner, service)
    else:
        look_at(form.file("painting"), config)
        service.gallery.check_free(said.name)
    about = {name: getattr(said, name) for name in ("title", "artist", "year", "license")}
    for name, text in about.items():
        if len(text) > LONGEST or not text.isprintable():
            raise UsageError(f"{name} is too long or not a text", f"use at most {LONGEST} characters", code="malformed")
    if said.seconds > config.learn_seconds:
        raise UsageError(f"seconds {said.seconds:g} is not in 0..{config.learn_seconds:g}", code="out-of-range")
    own = sum(not entry.builtin for entry in service.gallery.entries())
    if own >= config.own_styles and not learns_on:
        raise UsageError(f"the gallery is full: it contains {own} styles", "remove a style first", code="too-large")
    if said.seconds:
        need("lightning_fabric", "Lightning Fabric, which learning needs,", "train")
    painting = None if learns_on else form.file("painting")
    work = LearnWork(
        painting, said.name, said.seconds, said.engine, about, owner, config.max_pixels, boldness=said.boldness
    )
    return Asked("style", work)


def _optimize(form: Form, service: Service) -> Work:
    need("torch", "PyTorch, which the optimizer needs,", "torch")
    from impasto.optimization.recipe import find_recipe

    form.check_known(PAINTING | names_of(DescentFields))
    said = settings(DescentFields, form)
    if not _START.fullmatch(said.start or "photo"):
        raise UsageError(
            f"unknown start {said.start!r:.60}",
            "use photo, noise, style, painter:SHARE or mix:SHARE",
            code="unknown-choice",
        )
    most = service.config.job_iterations
    if (said.iterations or 1) > most:
        raise UsageError(f"iterations {said.iterations} is not in 1..{most}", code="out-of-range")
    given = {name: value for name, value in vars(said).items() if value is not None and name != "recipe"}
    recipe = replace(find_recipe(said.recipe), **given)
    recipe = replace(recipe, iterations=min(recipe.iterations, most))
    return OptimizeWork(work_of(_with(form, engine=None), service, ""), recipe)


def _clip(form: Form, service: Service) -> Work:
    need("av", "PyAV, which clips need,", "video")
    from impasto.video.encoding import ENCODERS

    form.check_known(PAINTING - {"image"} | {"clip"} | names_of(ClipFields))
    config, engine = service.config, form.text("engine", "light")
    if engine == OPTIMIZE:
        need("torch", "PyTorch, which the optimizer needs,", "torch")
    plain = _with(form, engine=[DEFAULT if engine == OPTIMIZE else engine or ""], image=[form.file("clip")])
    paint = paint_work(plain, service, ".png")
    suffix = "." + (form.text("format") or "mp4").lower().lstrip(".")
    if suffix not in CLIPS:
        known = ", ".join(ending[1:] for ending in CLIPS)
        raise UsageError(f"unknown format {suffix[1:40]!r} for clips", f"formats: {known}", code="unknown-choice")
    said = settings(ClipFields, form)
    if said.codec is not None and said.codec not in ENCODERS:
        raise UsageError(f"unknown codec {said.codec!r:.60}", f"codecs: {', '.join(ENCODERS)}", code="unknown-choice")
    values = dict(vars(said))
    options = VideoOptions(
        engine=engine,  # type: ignore[arg-type]  # it looks itself
        quality=values.pop("crf"),
        strip_location=paint.saving.strip_location,
        strip_metadata=paint.saving.strip_metadata,
        untrusted=True,
        **values,
    )
    return ClipWork(paint, options, suffix, config.clip_frames, config.clip_seconds)


def _folder(form: Form, service: Service) -> Work:
    form.check_known(PAINTING | {"folder"})
    config = service.config
    if form.text("engine") == OPTIMIZE:
        raise UsageError("the optimizer paints only one photo per job", "send several jobs", code="conflict")
    photos = form.files("image")
    if len(photos) > config.folder_photos:
        raise UsageError(f"a job takes at most {config.folder_photos} photos", "send several jobs", code="out-of-range")
    archive = form.file("folder") if "folder" in form.uploads else Upload("photos", b"")
    named = form.text("format")
    suffix = "" if named is None else suffix_of(named, "", "PNG")
    paint = paint_work(_with(form, image=[archive]), service, suffix or ".png")
    paint = replace(paint, saving=replace(paint.saving, suffix=suffix or None))
    each = config.max_upload * 1_000_000
    packed = config.jobs_megabytes * 1_000_000
    return FolderWork(paint, tuple(photos), suffix, config.folder_photos, 10 * each, each, packed)


def _with(form: Form, **changed: list[str] | list[Upload] | None) -> Form:
    """Return the form with other values of some fields. None removes a field."""
    order: dict[str, Any] = dict(form.order) | changed
    return Form({name: values for name, values in order.items() if values is not None})


# The packed form: texts and the lengths of files as JSON, then the files.


def pack(form: Form) -> bytes:
    """Pack a form into bytes for a store. Unpacking it runs no code."""
    files = [upload.data for values in form.order.values() for upload in values if isinstance(upload, Upload)]
    order = {
        name: [[one.name, len(one.data)] if isinstance(one, Upload) else one for one in values]
        for name, values in form.order.items()
    }
    head = json.dumps({"order": order}).encode()
    return b"".join([len(head).to_bytes(8, "big"), head, *files])


def unpack(data: bytes) -> Form:
    """Unpack a form.

    Raises:
        ImpastoError: another version of Impasto packed it.
    """
    try:
        length = int.from_bytes(data[:8], "big")
        head, at = json.loads(data[8 : 8 + length]), 8 + length
        order: dict[str, list[str | Upload]] = {}
        for name, values in head["order"].items():
            for one in values:
                if not isinstance(one, str):
                    at, begin = at + one[1], at
                order.setdefault(name, []).append(one if isinstance(one, str) else Upload(one[0], data[begin:at]))
        return Form(order)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ImpastoError(
            "another version of Impasto stored this job", "send it again", code="other-version"
        ) from error


def digest(request: bytes, *more: str) -> str:
    """Return a digest that identifies a request."""
    said = hashlib.sha256(request)
    said.update(json.dumps(more).encode())
    return said.hexdigest()

"""What clients ask for: a form to work, and a form to bytes and back, for the store."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from impasto.engines.by_name import DEFAULT, EngineName
from impasto.errors import ImpastoError, UsageError
from impasto.service.fields import Form, paint_work, settings
from impasto.service.jobs.folder import FolderWork
from impasto.service.jobs.work import CLIPS, ClipWork, LearnWork, OptimizeWork, need
from impasto.service.service import Service
from impasto.service.work import Upload, Work
from impasto.settings import check, setting
from impasto.styles.store import check_name
from impasto.video.options import VideoOptions

_START = re.compile(r"photo|noise|style|(painter|mix)(:(0(\.\d{1,6})?|1(\.0{1,6})?))?")
_LARGEST = 2048


class Asked(NamedTuple):
    """What a client wants to have done."""

    kind: str
    work: Work


@dataclass(frozen=True)
class DescentFields:
    """What may be said of an optimization, as in `Recipe`; what is not said is the recipe's."""

    recipe: str = setting("default", "The recipe: default, gatys2016, wasserstein, fast or faithful.")
    iterations: int | None = setting(None, "Evaluations of the losses, over all scales.", 1, 100_000)
    start: str | None = setting(None, "photo, noise, style, painter:SHARE or mix:SHARE.")
    style_loss: str | None = setting(None, "gram, moments or wasserstein.")
    optimizer: str | None = setting(None, "lbfgs, adam or sgd.")
    content_weight: float | None = setting(None, "Weight of the content loss.", 0, 1e9)
    style_weight: float | None = setting(None, "Weight of the style loss.", 0, 1e9)
    histogram_weight: float | None = setting(None, "Weight of the histogram loss.", 0, 1e9)
    variation_weight: float | None = setting(None, "Weight of the total variation.", 0, 1e9)
    largest: int | None = setting(None, "Longer side in pixels that is optimized at most.", 64, _LARGEST)
    tolerance: float | None = setting(None, "Stop a scale that improves by less than this share.", 0, 1)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class ClipFields:
    """What may be said of a clip, as in `VideoOptions`."""

    steady: float = setting(70, "How much of the last picture is carried along the motion.", 0, 100)
    start: float = setting(0, "From this second on.", 0, 1e6)
    end: float | None = setting(None, "Up to this second.", 0, 1e6)
    fps: float | None = setting(None, "Another frame rate.", 0.01, 1000)
    codec: str | None = setting(None, "h264, hevc, av1, vp9, prores or ffv1.")
    crf: int | None = setting(None, "Constant rate factor: lower is better and larger.", 0, 63)
    sound: bool = setting(True, "Take sound and subtitles along.")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class LearnFields:
    """What may be said of a painting that becomes a style."""

    name: str = setting("", "What the style is called: lower-case letters, digits and hyphens.")
    seconds: float = setting(0, "Seconds to learn it; 0, it is painted as the engine sees it at once.", 0, 86_400)
    engine: EngineName = setting(DEFAULT, "What learns.")
    title: str = setting("", "The painting's title.")
    artist: str = setting("", "Who painted it.")
    year: str = setting("", "When.")
    licence: str = setting("", "Its licence.")

    def __post_init__(self) -> None:
        check(self)


def job_work(form: Form, service: Service) -> Asked:
    """What a form of `POST /v1/jobs` asks for.

    Raises:
        UsageError: it makes no sense, or is more than is allowed.
        MissingExtra: it needs a part that is not installed.
    """
    sent = [name for name in ("image", "clip", "folder") if name in form.uploads]
    if len(sent) > 1:
        raise UsageError(f"{sent[0]} and {sent[1]} do not go together", "one of them", code="conflict")
    if sent and sent[0] != "image" and len(form.uploads[sent[0]]) > 1:
        raise UsageError(f"one {sent[0]} a job", "send several jobs", code="conflict")
    if sent == ["clip"]:
        return Asked("clip", _clip(form, service))
    if sent == ["folder"] or len(form.uploads.get("image", [])) > 1:
        return Asked("folder", _folder(form, service))
    if form.texts.get("engine") == ["optimize"]:
        return Asked("optimize", _optimize(form, service))
    return Asked("photo", paint_work(form, service, _suffix(form)))


def style_work(form: Form, service: Service) -> Asked:
    """What a form of `POST /v1/styles` asks for.

    Raises:
        UsageError, MissingExtra: as `job_work`; or the name is none, or taken.
    """
    paintings = form.uploads.get("painting", [])
    if len(paintings) != 1 or len(form.uploads) != 1:
        raise UsageError("one painting becomes a style", "painting=@FILE", code="nothing-given")
    said = settings(LearnFields, form)
    check_name(said.name)
    service.gallery.check_free(said.name)
    for name in ("title", "artist", "year", "licence"):
        if len(getattr(said, name)) > 200 or not getattr(said, name).isprintable():
            raise UsageError(f"{name} is too long, or no text", "up to 200 characters", code="malformed")
    if said.seconds > service.config.learn_seconds:
        raise UsageError(
            f"seconds {said.seconds:g} is more than {service.config.learn_seconds:g}", "less", code="out-of-range"
        )
    own = sum(not entry.builtin for entry in service.gallery.entries())
    if own >= service.config.own_styles:
        raise UsageError(f"the gallery holds {own} styles, and no more are taken", code="too-large")
    if said.seconds:
        need("torch", "PyTorch, which learning needs,", "torch")
    about = {name: getattr(said, name) for name in ("title", "artist", "year", "licence")}
    work = LearnWork(paintings[0], said.name, said.seconds, said.engine, about, service.config.max_pixels)
    return Asked("style", work)


def _optimize(form: Form, service: Service) -> Work:
    need("torch", "PyTorch, which the optimizer needs,", "torch")
    from impasto.optimization.recipe import find_recipe

    said, rest = _split(form, DescentFields)
    given = {name: value for name, value in vars(said).items() if value is not None and name != "recipe"}
    if not _START.fullmatch(said.start or "photo"):
        raise UsageError(
            f"unknown start {said.start!r}", "photo, noise, style, painter:SHARE or mix:SHARE", code="unknown-choice"
        )
    recipe = replace(find_recipe(said.recipe), **given)
    most = service.config.job_iterations
    if said.iterations is not None and said.iterations > most:
        raise UsageError(f"iterations {said.iterations} is not in 1..{most}", code="out-of-range")
    recipe = replace(recipe, iterations=min(recipe.iterations, most))
    rest = replace(rest, texts={name: values for name, values in rest.texts.items() if name != "engine"})
    return OptimizeWork(paint_work(rest, service, _suffix(form)), recipe)


def _clip(form: Form, service: Service) -> Work:
    need("av", "PyAV, which clips need,", "video")
    from impasto.video.encoding import ENCODERS

    config = service.config
    said, rest = _split(form, ClipFields)
    engine = form.texts.get("engine", ["light"])[-1]
    if engine == "optimize":
        need("torch", "PyTorch, which the optimizer needs,", "torch")
    kept = {name: values for name, values in rest.texts.items() if name not in ("engine", "format")}
    kept |= {"engine": [DEFAULT if engine == "optimize" else engine]}
    paint = paint_work(replace(rest, texts=kept, uploads=_renamed(rest, "clip", "image")), service, ".png")
    suffix = "." + form.texts.get("format", ["mp4"])[-1].lower().lstrip(".")
    if suffix not in CLIPS:
        known = ", ".join(ending[1:] for ending in CLIPS)
        raise UsageError(f"format {suffix[1:]} is unknown for clips", f"one of {known}", code="unknown-format")
    if said.codec is not None and said.codec not in ENCODERS:
        raise UsageError(f"codec {said.codec!r} is unknown", f"one of {', '.join(ENCODERS)}", code="unknown-choice")
    values = dict(vars(said))
    options = VideoOptions(
        engine=engine,  # type: ignore[arg-type]  # it looks itself
        quality=values.pop("crf"),
        strip_location=paint.saving.strip_location,
        untrusted=True,
        **values,
    )
    return ClipWork(paint, options, suffix, config.clip_frames, config.clip_seconds)


def _folder(form: Form, service: Service) -> Work:
    config = service.config
    if form.texts.get("engine") == ["optimize"]:
        raise UsageError("the optimizer paints one photo a job", "one image", code="conflict")
    photos = form.uploads.get("image", [])
    if len(photos) > config.folder_photos:
        raise UsageError(f"a job takes at most {config.folder_photos} photos", "send several jobs", code="too-large")
    archive = form.uploads.get("folder", [])
    stand_in = archive or [Upload("photos", b"")]
    uploads = {name: files for name, files in form.uploads.items() if name not in ("image", "folder")}
    paint = paint_work(replace(form, uploads=uploads | {"image": stand_in}), service, _suffix(form))
    return FolderWork(
        paint,
        tuple(photos),
        suffix=paint.suffix if "format" in form.texts else "",
        most=config.folder_photos,
        unpacked=10 * config.max_upload * 1_000_000,
        each=config.max_upload * 1_000_000,
        packed=config.jobs_megabytes * 1_000_000,
    )


def _split(form: Form, kind: type[Any]) -> tuple[Any, Form]:
    """The fields of a dataclass, and the form without them."""
    names = {part.name for part in fields(kind)}
    own = {name: values for name, values in form.texts.items() if name in names}
    rest = {name: values for name, values in form.texts.items() if name not in names}
    return settings(kind, Form(own, {})), replace(form, texts=rest)


def _renamed(form: Form, old: str, new: str) -> Mapping[str, list[Upload]]:
    return {new if name == old else name: files for name, files in form.uploads.items()}


def _suffix(form: Form) -> str:
    return ".png"


# To bytes and back: lengths and names as JSON, then the files, one after the other.


def pack(form: Form, kind: str) -> bytes:
    """A form as bytes, for a store. Nothing of it can be run."""
    files = [(field, upload) for field, uploads in form.uploads.items() for upload in uploads]
    names = [[field, upload.name, len(upload.data)] for field, upload in files]
    head = json.dumps({"kind": kind, "texts": dict(form.texts), "files": names}, sort_keys=True).encode()
    return b"".join([len(head).to_bytes(8, "big"), head, *(upload.data for _, upload in files)])


def unpack(data: bytes) -> tuple[str, Form]:
    """The kind and the form.

    Raises:
        ImpastoError: another version has packed it.
    """
    try:
        length = int.from_bytes(data[:8], "big")
        head, at = json.loads(data[8 : 8 + length]), 8 + length
        uploads: dict[str, list[Upload]] = {}
        for field, name, size in head["files"]:
            uploads.setdefault(field, []).append(Upload(name, data[at : at + size]))
            at += size
        return head["kind"], Form(head["texts"], uploads)
    except (ValueError, KeyError, TypeError) as error:
        raise ImpastoError("another version has stored this job", "send it again", code="other-version") from error


def digest(request: bytes) -> str:
    """Tells requests apart."""
    return hashlib.sha256(request).hexdigest()

"""Read the fields and files of a request, and make the work that they ask for."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from impasto.batch.painting import Saving
from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, ENGINES
from impasto.errors import UsageError
from impasto.painting.regions import Region
from impasto.picture.formats import JPEG_PREFIX, Bits, check_saving
from impasto.pixels.masks import FOUND
from impasto.service.looking import look_at_all
from impasto.service.preset_fields import with_preset
from impasto.service.problems import malformed
from impasto.service.service import Service
from impasto.service.uploads.references import with_uploads
from impasto.service.work import PaintWork, Upload, Wanted, format_of_suffix
from impasto.settings import check, hints_of, setting
from impasto.system.names import safe_name

T = TypeVar("T")

FILES = ("image",)
MIXED = ("style", "mask", "region_style")
REGION_NUMBERS = ("strength", "brush_size")
TEXTS = ("preset", "weight", "engine", "format", *(f"region_{name}" for name in REGION_NUMBERS))


@dataclass(frozen=True)
class SavingFields:
    """How a picture is written, as in `Saving`."""

    quality: int = setting(92, "Quality of JPEG, WebP and AVIF.", 1, 100)
    bits: Bits = setting(8, "Bits per channel; 16 needs PNG or TIFF.")
    mark: bool = setting(True, "Record in the metadata how the picture was made.")
    strip_location: bool = setting(False, "Remove the place of the photo from the metadata.")
    strip_metadata: bool = setting(False, "Remove all metadata of the photo.")

    def __post_init__(self) -> None:
        check(self)


def names_of(kind: type[Any]) -> set[str]:
    """Return the names of a dataclass's fields."""
    return {part.name for part in fields(kind)}


PAINTING = frozenset({*FILES, *MIXED, *TEXTS, *names_of(SavingFields), *names_of(Controls)})
"""The names of all fields that describe a painting."""

MOST_STYLES = 16
MOST_REGIONS = 16
MOST_FILES = 1000
MOST_FIELDS = 200
LONGEST_TEXT = 64 * 1024  # bytes of a text field
_LONGEST_FORM = 1_000_000  # bytes of a form without files
_QUICK = 65_536  # bytes of JPEG files that are examined on the event loop; other formats may unpack to much more
_TRUTHS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_WHOLE = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_BODY_TYPES = re.compile(r"image/[\w.+-]+|application/octet-stream")


@dataclass(frozen=True)
class Form:
    """The fields of a request. Each may occur several times, in order.

    Attributes:
        order: {name: texts and files in order}.
        kept: ids of the uploads that it names.
    """

    order: Mapping[str, list[str | Upload]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    @functools.cached_property
    def texts(self) -> dict[str, list[str]]:
        """The fields that have texts, with their texts."""
        found = {name: [one for one in given if isinstance(one, str)] for name, given in self.order.items()}
        return {name: texts for name, texts in found.items() if texts}

    @functools.cached_property
    def uploads(self) -> dict[str, list[Upload]]:
        """The fields that have files, with their files."""
        found = {name: [one for one in given if isinstance(one, Upload)] for name, given in self.order.items()}
        return {name: uploads for name, uploads in found.items() if uploads}

    def text(self, name: str, default: str | None = None) -> str | None:
        """Return the text of a field that occurs at most once.

        Raises:
            UsageError: the field occurs more often, or is a file.
        """
        if name in self.uploads:
            raise UsageError(f"{name} must be a text, not a file", code="wrong-type")
        given = self.texts.get(name, [])
        if len(given) > 1:
            raise UsageError(f"{name} is given {len(given)} times", "give it once", code="conflict")
        return given[0] if given else default

    def files(self, name: str) -> list[Upload]:
        """Return all files of a field.

        Raises:
            UsageError: the field is a text.
        """
        if name in self.texts:
            raise UsageError(
                f"{name} must be a file, not a text", f"send a file: curl -F {name}=@FILE", code="wrong-type"
            )
        return list(self.uploads.get(name, []))

    def file(self, name: str) -> Upload:
        """Return the only file of a field.

        Raises:
            UsageError: there is no file or several, or the field is a text.
        """
        given = self.files(name)
        if not given:
            raise UsageError(f"the field {name} is missing", f"send a file: curl -F {name}=@FILE", code="nothing-given")
        if len(given) > 1:
            raise UsageError(f"{name} is given {len(given)} times", "give it once", code="conflict")
        return given[0]

    async def looked_at(self, look: Callable[[], T]) -> T:
        """Return the result of a function that examines the form.

        It runs here if it is quick. Otherwise it runs in a thread, which takes longer to start.
        """
        files = [file.data for given in self.uploads.values() for file in given]
        quick = sum(map(len, files)) <= _QUICK and all(data.startswith(JPEG_PREFIX) for data in files)
        return look() if quick else await asyncio.to_thread(look)

    def check_known(self, known: Collection[str]) -> None:
        """Raise a UsageError if the form has an unknown field."""
        unknown = sorted(set(self.order) - set(known))
        if unknown:
            hint = f"fields: {', '.join(sorted(known))}"
            raise UsageError(f"unknown field '{unknown[0][:80]}'", hint, code="unknown-setting")


async def read_form(request: Request) -> Form:
    """Return the fields of a form, or of the query with the body as the image. Named uploads are inserted.

    Raises:
        UsageError: the body is neither a form nor a picture, or it is damaged.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    order: dict[str, list[str | Upload]] = {}
    for name, value in request.query_params.multi_items():
        order.setdefault(name, []).append(value)
    if kind == "multipart/form-data":
        await _read_parts(request, order)
    elif kind == "application/x-www-form-urlencoded":
        for name, text in _texts(await request.body(), kind):
            order.setdefault(name, []).append(text)
    elif kind == "" or _BODY_TYPES.fullmatch(kind):
        data = await request.body()
        if data:
            order.setdefault("image", []).append(Upload("picture", data))
    else:
        hint = "send multipart/form-data, or a picture as image/jpeg, image/png, ..."
        raise UsageError(f"a body of the type {kind[:80]} is not supported", hint, code="unknown-format")
    return await with_uploads(Form(order), request)


async def read_parts(request: Request) -> Form:
    """Return the fields of multipart/form-data only.

    Raises:
        UsageError: the body cannot be parsed.
    """
    order: dict[str, list[str | Upload]] = {}
    await _read_parts(request, order)
    return Form(order)


def _texts(body: bytes, kind: str) -> list[tuple[str, str]]:
    """Return the fields of a form without files."""
    if len(body) > _LONGEST_FORM or not body.isascii():  # as curl --data-binary sends without a type
        hint = "use curl -F image=@FILE, or curl -H 'Content-Type: image/jpeg' --data-binary @FILE"
        raise UsageError(f"a body of the type {kind} cannot contain files", hint, code="wrong-type")
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise malformed(f"cannot parse the form: {error}", f"send at most {MOST_FIELDS} fields") from error


class _Parts(MultiPartParser):
    """Keeps files in memory, because bodies are limited. It notes whether the form is complete."""

    spool_max_size = 1 << 40
    ended = False

    def on_end(self) -> None:
        self.ended = True


async def _read_parts(request: Request, order: dict[str, list[str | Upload]]) -> None:
    limits: dict[str, Any] = {"max_files": MOST_FILES, "max_fields": MOST_FIELDS, "max_part_size": LONGEST_TEXT}
    try:
        async with aclosing(request.stream()) as stream:
            parts = _Parts(request.headers, stream, **limits)
            form = await parts.parse()
        for name, value in form.multi_items():
            f"{name}{value}".encode()  # some charsets, such as UTF-7, can encode invalid text
    except (MultiPartException, ValueError) as error:
        reason = getattr(error, "message", "") or str(error)
        raise malformed(
            f"cannot parse the form: {reason[:200]}", "send a valid form, for example with curl -F"
        ) from error
    for name, value in form.multi_items():
        one = value if isinstance(value, str) else Upload(safe_name(value.filename or ""), await value.read())
        order.setdefault(name, []).append(one)
    await form.close()
    if not parts.ended:
        raise malformed("the form is incomplete: its last boundary is missing", "send the whole form")


def settings(kind: type[T], form: Form) -> T:
    """Make a dataclass of settings (see `impasto.settings`) from the fields with the same names.

    Raises:
        UsageError: a text is not a value of its field's type, or it is out of its range.
    """
    hints = hints_of(kind)
    given = {name: form.text(name) or "" for name in form.order if name in hints}
    return kind(**{name: value_of(text, hints[name], name) for name, text in given.items()})


def value_of(text: str, hint: Any, name: str) -> Any:
    """Convert a text to a type: a number, a truth value, a choice, or several values separated by commas.

    Raises:
        UsageError: the text is not such a value.
    """
    kinds = [kind for kind in get_args(hint) if kind is not NoneType] or [hint]
    if get_origin(hint) is Literal:
        return next((choice for choice in get_args(hint) if str(choice) == text), text)
    if get_origin(hint) is tuple:
        return tuple(value_of(part.strip(), kinds[0], name) for part in text.split(",") if part.strip())
    if get_origin(kinds[0]) is Literal or kinds == [str]:
        return text
    if kinds == [bool]:
        if text.lower() not in _TRUTHS:
            raise UsageError(f"{name} {text[:40]!r} is neither true nor false", code="unknown-choice")
        return _TRUTHS[text.lower()]
    whole = float not in kinds
    if not (_WHOLE if whole else _NUMBER).fullmatch(text):
        raise UsageError(f"{name} {text[:40]!r} is not a {'whole ' if whole else ''}number", code="not-a-number")
    return int(text) if whole else float(text)


def paint_work(form: Form, service: Service, suffix: str) -> PaintWork:
    """Return the painting that a form asks for. Its other fields are ignored.

    Args:
        suffix: determines the result's format.
    Raises:
        UsageError: something is missing, occurs too often, or is invalid.
    """
    form = with_preset(form, service)
    engine = form.text("engine", DEFAULT)
    if engine not in ENGINES:
        raise UsageError(f"unknown engine {engine!r:.60}", f"engines: {', '.join(ENGINES)}", code="unknown-choice")
    saving = settings(SavingFields, form)
    check_saving(format_of_suffix(suffix), saving.quality, saving.bits)
    photo, styles, regions = form.file("image"), _styles(form, service), _regions(form, service)
    given = [*(style for style, _ in styles), *(one for region in regions for one in (region.mask, region.style))]
    others = [one for one in given if isinstance(one, Upload)]
    look_at_all(others, service.config)
    return PaintWork(
        photo,
        styles,
        regions,
        settings(Controls, form),
        engine,
        suffix,
        Saving(suffix, **vars(saving)),
        service.config.max_pixels,
    )


def _styles(form: Form, service: Service) -> tuple[tuple[Wanted, float], ...]:
    given = form.order.get("style", [])
    if not given:
        raise UsageError("the style is missing", "add -F style=NAME; list all: GET /v1/styles", code="nothing-given")
    if len(given) > MOST_STYLES:
        raise UsageError(f"{len(given)} styles are too many", f"give at most {MOST_STYLES}", code="out-of-range")
    if "weight" in form.uploads:
        raise UsageError("weight must be a text, not a file", code="wrong-type")
    weights = [_weight(text) for text in form.texts.get("weight", [])]
    if weights and len(weights) != len(given):
        raise UsageError(
            f"{len(given)} styles but {len(weights)} weights", "give one weight for each style", code="mismatch"
        )
    found = [wanted(one, service) for one in given]
    pairs = [
        (style, factor * weight) for (style, factor), weight in zip(found, weights or [1.0] * len(found), strict=True)
    ]
    if not sum(weight for _, weight in pairs) > 0:
        raise UsageError("the weights of the styles sum to 0", "give one a weight above 0", code="zero-weights")
    return tuple(pairs)


def _weight(text: str) -> float:
    number: float = value_of(text, float, "weight")
    if not 0 <= number <= 1e6:
        raise UsageError(f"the weight {text[:40]} is not in 0..1,000,000", code="out-of-range")
    return number


def wanted(one: str | Upload, service: Service) -> tuple[Wanted, float]:
    """Return a style and its weight: an upload, or a name in the gallery as NAME or NAME:WEIGHT, but never a path.

    Raises:
        UsageError: no style has this name.
    """
    if isinstance(one, Upload):
        return one, 1.0
    if one in service.gallery:
        return one, 1.0
    name, _, weight = one.rpartition(":")
    if name not in service.gallery:
        raise service.gallery.unknown(one[:80])
    return name, _weight(weight)


def _regions(form: Form, service: Service) -> tuple[Region, ...]:
    masks, styles = form.order.get("mask", []), form.order.get("region_style", [])
    unknown = [mask for mask in masks if isinstance(mask, str) and mask not in FOUND]
    if unknown:
        hint = f"send a file: curl -F mask=@FILE; or name one of {', '.join(FOUND)}"
        raise UsageError(f"the mask {unknown[0][:40]!r} is not a file", hint, code="wrong-type")
    numbers = {name: form.texts.get(f"region_{name}", []) for name in REGION_NUMBERS}
    for name in REGION_NUMBERS:
        if f"region_{name}" in form.uploads:
            raise UsageError(f"region_{name} must be a text, not a file", code="wrong-type")
    counts = {"style": len(styles)} | {name: len(given) for name, given in numbers.items()}
    for name, count in counts.items():
        if count != len(masks) and (count or not any(counts.values())):
            message = f"{len(masks)} masks but {count} fields region_{name}"
            raise UsageError(message, f"give one region_{name} for each mask, in the same order", code="mismatch")
    if len(masks) > MOST_REGIONS:
        raise UsageError(f"{len(masks)} regions are too many", f"give at most {MOST_REGIONS}", code="out-of-range")
    found = []
    for index, mask in enumerate(masks):
        values = {
            name: value_of(given[index], float, f"region_{name}")
            for name, given in numbers.items()
            if given and given[index]
        }
        found.append(Region(mask, _inside(styles[index] if styles else "", service), **values))
    return tuple(found)


def _inside(style: str | Upload, service: Service) -> Wanted:
    """Return a region's style. "" stands for the picture's own."""
    return style if style in ("", "none") else wanted(style, service)[0]

"""The field `preset`: a name that stands for other fields."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from impasto.errors import ImpastoError, UsageError
from impasto.presets import store
from impasto.presets.preset import Preset
from impasto.styles.gallery import Gallery

if TYPE_CHECKING:
    from impasto.service.fields import Form
    from impasto.service.service import Service

_REGIONS = ("mask", "region_style", "region_strength", "region_brush_size")


def with_preset(form: Form, service: Service) -> Form:
    """The form, with a preset's styles, controls and regions in the place of its name, where the form has none itself.

    Raises:
        UsageError: there is no such preset, or it is not for a service.
    """
    if "preset" not in form.order:
        return form
    preset = opened(form.text("preset") or "", service.gallery)
    order = {name: values for name, values in form.order.items() if name != "preset"}
    given: dict[str, list[Any]] = {name: [str(value)] for name, value in preset.controls.items()}
    if preset.engine:
        given["engine"] = [preset.engine]
    if preset.styles and not order.keys() & {"style", "weight"}:
        given["style"] = [style for style, _ in preset.styles]
        given["weight"] = [str(weight) for _, weight in preset.styles]
    if preset.regions and not order.keys() & set(_REGIONS):
        columns = zip(*((one.mask, one.style, one.strength, one.brush_size) for one in preset.regions), strict=True)
        for name, column in zip(_REGIONS, columns, strict=True):
            given[name] = ["" if value is None else str(value) for value in column]
    return replace(form, order=given | order)


def opened(name: str, gallery: Gallery) -> Preset:
    """A preset that the service's gallery can paint.

    Raises:
        UsageError: there is none of that name, or it is damaged, or its styles are not here.
    """
    if name not in store.names():  # a path is no name
        raise store.unknown(name[:80])
    try:
        preset = Preset.open(name)
    except ImpastoError:  # the message says where its file lies
        raise UsageError(f"the preset {name} is damaged", "impasto presets says how", code="damaged-file") from None
    check_styles(preset, gallery)
    return preset


def check_styles(preset: Preset, gallery: Gallery) -> None:
    """Raises UsageError for a style that is no name of the gallery's: no field names a file of the server's."""
    for style in (*(style for style, _ in preset.styles), *(one.style for one in preset.regions)):
        if style not in ("", "none") and style not in gallery:
            raise gallery.unknown(PurePath(style).name[:80])

"""The form field `preset`, which stands for other fields."""

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
    """Replace the name of a preset in a form by its styles, controls and regions. The form's own fields override them.

    Raises:
        UsageError: no preset has this name, or the service cannot use it.
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
    """Return a preset that the service's gallery can paint.

    Raises:
        UsageError: no preset has this name, it is damaged, or its styles are missing here.
    """
    if name not in store.names():  # a path is not a name
        raise store.unknown(name[:80])
    try:
        preset = Preset.open(name)
    except ImpastoError:  # its message contains the path of the file
        raise UsageError(
            f"the preset {name} is damaged", "show the error with impasto presets", code="damaged-file"
        ) from None
    check_styles(preset, gallery)
    return preset


def check_styles(preset: Preset, gallery: Gallery) -> None:
    """Raise a UsageError for a style that is not in the gallery, because no field may name a file of the server."""
    for style in (*(style for style, _ in preset.styles), *(one.style for one in preset.regions)):
        if style not in ("", "none") and style not in gallery:
            raise gallery.unknown(PurePath(style).name[:80])

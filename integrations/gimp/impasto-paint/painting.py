"""One run of the procedure: ask, paint, add the layer. Errors become one line in GIMP."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import layers
from gi.repository import Gegl, Gimp, GLib, GObject
from link import Program, Server, Trouble, Wish, connect, installed, mismatch, program

HERE = str(Path(__file__).parent)


def run(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], config: Any, _data: Any = None) -> Any:
    """Paint a layer: after a dialog in interactive mode, else with the values in config.

    Returns:
        SUCCESS and the new layer; CANCEL; or EXECUTION_ERROR with one line, the image unchanged.
    """
    Gegl.init(None)
    procedure.get_plug_in().set_pdb_error_handler(Gimp.PDBErrorHandler.PLUGIN)  # the plug-in reports its errors itself
    try:
        layer = layers.chosen(image, drawables)
        if run_mode == Gimp.RunMode.INTERACTIVE and not _asked(procedure, config):
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
        painted = paint(image, layer, config)
    except Exception as error:  # noqa: BLE001 (GIMP shows its users no traceback)
        return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, GLib.Error(_line(error)))
    success = GObject.Value(Gimp.PDBStatusType, Gimp.PDBStatusType.SUCCESS)
    return Gimp.ValueArray.new_from_values([success, GObject.Value(Gimp.Layer, painted)])


def paint(image: Any, layer: Any, config: Any) -> Any:
    """Paint the layer, or the selected part of it, into a new layer, and return it. Raises Trouble."""
    Gimp.progress_init("Impasto paints")
    part = layers.read(image, layer)
    wish = wish_of(config, part.bits)
    hand = find(config)
    _warn(hand.version())
    _end_children_with_this_process()
    picture = hand.paint(part.picture, wish, _show)
    return layers.add(image, layer, part, picture, Path(wish.style).name)


def find(config: Any) -> Server | Program:
    """Connect to the server in config, else to the program. Raises Trouble."""
    server, key = ((config.get_property(name) or "").strip() for name in ("server", "key"))  # GIMP may give None
    return connect(server, program(HERE), key)


def wish_of(config: Any, bits: int) -> Wish:
    """Return the settings in config. Raises Trouble for a painting that is not on this computer."""
    painting = config.get_property("painting")
    style = painting.get_path() if painting else config.get_property("style")
    if painting and not style:
        raise Trouble(f"{painting.get_uri()} is not a file of this computer", "save the painting here first")
    if not style:
        raise Trouble("no style is chosen", "choose a style, or a painting's file")
    return Wish(
        style,
        strength=config.get_property("strength"),
        brush_size=config.get_property("brush-size"),
        boldness=config.get_property("boldness"),
        keep_color=config.get_property("keep-color"),
        tone=config.get_property("tone"),
        detail=config.get_property("detail"),
        bits=bits,
    )


def _warn(version: str) -> None:
    if line := mismatch(installed(HERE).get("version", version), version):
        Gimp.message(line)


def _asked(procedure: Any, config: Any) -> bool:
    from dialog import ask  # imports GTK, which needs a display

    return ask(procedure, config, find)


def _show(share: float | None) -> bool:
    if share is None:
        Gimp.progress_pulse()
    else:
        Gimp.progress_update(share)
    return True


def _end_children_with_this_process() -> None:
    """Lead a process group: to cancel a plug-in, GIMP kills it, and its group only if it leads one."""
    if hasattr(os, "setpgid"):
        with contextlib.suppress(PermissionError):  # it already leads one
            os.setpgid(0, 0)


def _line(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "There is not enough memory for this layer  (select a smaller part of it)"
    if isinstance(error, GLib.Error):
        return str(error.message)
    if isinstance(error, (Trouble, OSError)):
        return str(error)
    return f"The plug-in has failed: {type(error).__name__}: {error}"

"""Impasto behind the nodes: whether it is installed, and what its settings are."""

import dataclasses
import functools
import sys
from importlib import import_module
from typing import Literal, get_args, get_origin

VERSION = "0.1.0"
"""The nodes' own. They paint with every Impasto that has its first two numbers."""

_FINE = 10  # a number with a range up to this is set in finer steps


@functools.cache
def problem():
    """Say what keeps the nodes from painting and what to type, in one line; "" if nothing does."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    try:
        from impasto import __version__

        for module in ("enlarging.enlarge", "optimization.recipe", "painting.stylizer"):
            import_module(f"impasto.{module}")
    except ImportError as error:
        if error.name == "impasto":
            return f"Impasto is not installed in ComfyUI's Python  ({python} -m pip install impasto)"
        return f"Impasto cannot be loaded: {error}  ({python} -m pip install impasto)"
    if __version__.split(".")[:2] == VERSION.split(".")[:2]:
        return ""
    return (
        f"Impasto {__version__} is installed, but these nodes are of {VERSION}  "
        f"({python} -m impasto plugins install comfyui)"
    )


class Settings:
    """A dataclass of Impasto's settings, whose fields become widgets: `Settings("controls", "Controls")`.

    Defaults, ranges and help are the fields' own. Where Impasto is missing, widgets are texts that keep what the
    workflow holds.

    Args:
        module: of the package impasto.
        name: of the dataclass.
    """

    def __init__(self, module, name):
        self._module, self._name = module, name

    @property
    def kind(self):
        return getattr(import_module(f"impasto.{self._module}"), self._name)

    @functools.cached_property
    def _hints(self):
        from impasto.settings import hints_of

        return hints_of(self.kind)

    def widget(self, io, name, zero=""):
        """Make the input of a node for one field.

        Args:
            io: ComfyUI's, or the one of `v1`.
            zero: what the number 0 means in place of a number in the range; "" if it means nothing.
        """
        if problem():
            return io.String.Input(name)
        part = {part.name: part for part in dataclasses.fields(self.kind)}[name]
        low, high, help_text = (part.metadata[key] for key in ("low", "high", "help"))
        hint = self._hints[name]
        if get_origin(hint) is Literal:
            choices = [str(choice) for choice in get_args(hint)]
            return io.Combo.Input(name, options=choices, default=str(part.default), tooltip=help_text)
        if zero:
            return io.Int.Input(name, default=0, min=0, max=high, tooltip=f"{help_text} 0: {zero}.")
        step = 1.0 if high - low > _FINE else 0.05
        return io.Float.Input(name, default=part.default, min=float(low), max=float(high), step=step, tooltip=help_text)

    def read(self, values):
        """Turn widgets' values into the fields' own: {name: value}."""
        return {name: self._value(name, value) for name, value in values.items()}

    def _value(self, name, value):
        choices = get_args(self._hints[name])
        if type(None) in choices and value == 0:
            return None
        return next((choice for choice in choices if str(choice) == value), value)


CONTROLS = Settings("controls", "Controls")
RECIPE = Settings("optimization.recipe", "Recipe")
ENLARGE = Settings("enlarging.options", "EnlargeOptions")

"""Check whether Impasto is installed, and turn its settings into widgets."""

import dataclasses
import functools
import sys
from importlib import import_module
from typing import Literal, get_args, get_origin

VERSION = "0.1.0"
"""Version of the nodes. They work with every Impasto that has the same first two numbers."""

_FINE = 10  # numbers with a range up to this have finer steps


@functools.cache
def problem():
    """Return one line if the nodes cannot paint, with the command to type; else ""."""
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
        f"Impasto {__version__} is installed, but these nodes are for {VERSION}  "
        f"({python} -m impasto plugins install comfyui)"
    )


class Settings:
    """A dataclass of Impasto's settings, whose fields become widgets: `Settings("controls", "Controls")`.

    Widgets get the fields' defaults, ranges and help. If Impasto is missing, they are text fields that keep the
    workflow's values.

    Args:
        module: module of the package impasto.
        name: name of the dataclass.
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
        """Make a node's input for one field.

        Args:
            io: `io` of ComfyUI or of `v1`.
            zero: meaning of the number 0 if the range does not include it; "" for none.
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
        """Convert widgets' values to fields' values: {name: value}."""
        return {name: self._value(name, value) for name, value in values.items()}

    def _value(self, name, value):
        choices = get_args(self._hints[name])
        if type(None) in choices and value == 0:
            return None
        return next((choice for choice in choices if str(choice) == value), value)


CONTROLS = Settings("controls", "Controls")
RECIPE = Settings("optimization.recipe", "Recipe")
ENLARGE = Settings("enlarging.options", "EnlargeOptions")

"""Register the procedure with GIMP: its menu entry, its arguments and their ranges."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, GObject
from painting import run

NAME = "impasto-paint"
FLAGS = GObject.ParamFlags.READWRITE
KEEP_COLOR = {
    "none": "Painting",
    "luminance": "Photo",
    "histogram": "Photo, by histogram",
    "coral": "Photo, by covariance",
}
TONE = {"none": "Painting", "match": "Photo"}


class PaintPlugIn(Gimp.PlugIn):
    """Offers one procedure, `impasto-paint`."""

    def do_set_i18n(self, _name: str) -> bool:
        return False  # there are no translations

    def do_query_procedures(self) -> list[str]:
        return [NAME]

    def do_create_procedure(self, name: str) -> Any:
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        procedure.set_documentation(
            "Paint the layer, or the selected part of it, in the style of a painting",
            "The painting becomes a new layer above the layer. A selection becomes the new layer's mask. "
            "The layer itself does not change. Impasto paints it, on this computer or on a server.",
            None,
        )
        procedure.set_menu_label("_Impasto...")
        procedure.add_menu_path("<Image>/Filters/Artistic")
        procedure.set_attribution("The Impasto authors", "MIT license", "2026")
        _add_arguments(procedure)
        procedure.add_layer_return_value("painted", "Painted", "The new layer", True, FLAGS)
        return procedure


def _add_arguments(procedure: Any) -> None:
    procedure.add_string_argument("style", "_Style", "Name of a style; list: impasto styles", "starry-night", FLAGS)
    procedure.add_file_argument(
        "painting",
        "O_wn painting",
        "File of a painting, instead of a style",
        Gimp.FileChooserAction.ANY,
        True,
        None,
        FLAGS,
    )
    procedure.add_double_argument("strength", "S_trength", "From the photo (0) to the style (100)", 0, 100, 100, FLAGS)
    procedure.add_double_argument("brush-size", "_Brush size", "Size of the strokes", 0.25, 4, 1, FLAGS)
    procedure.add_double_argument("boldness", "B_oldness", "Paint twice, for bolder strokes", 0, 100, 0, FLAGS)
    procedure.add_choice_argument("keep-color", "Colors _from", "Whose colors", _choice(KEEP_COLOR), "none", FLAGS)
    procedure.add_choice_argument("tone", "Li_ght from", "Source of light and contrast", _choice(TONE), "none", FLAGS)
    procedure.add_double_argument("detail", "_Detail", "Share of the photo's fine detail", 0, 100, 60, FLAGS)
    procedure.add_string_argument(
        "server",
        "_Address",
        "Address of a server, such as localhost:8080; empty: Impasto paints on this computer",
        "",
        FLAGS,
    )
    procedure.add_string_argument("key", "_Key", "Key of the server, if it needs one", "", FLAGS)


def _choice(labels: dict[str, str]) -> Any:
    choice = Gimp.Choice.new()
    for number, (value, label) in enumerate(labels.items()):
        choice.add(value, number, label, "")
    return choice

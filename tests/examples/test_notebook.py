"""The notebook examples/methods.ipynb: it runs from top to bottom, and is stored with small outputs."""

from __future__ import annotations

import base64
import io
import itertools
import os
import re
from typing import Any

import pytest
from helpers import ROOT
from PIL import Image

nbformat = pytest.importorskip("nbformat")
NOTEBOOK = ROOT / "examples" / "methods.ipynb"
SMALL = "SIDE = 96\nITERATIONS = 2\nLARGE_SIDE = 160\n"


@pytest.fixture(scope="module")
def stored() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell: Any) -> list[tuple[str, list[str]]]:
    """What kinds of output a cell has, in order; text that is printed comes in any number of parts."""
    found = [(output.output_type, sorted(output.get("data", {}))) for output in cell.outputs]
    return [kind for kind, _ in itertools.groupby(found)]


def test_it_runs_from_top_to_bottom(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ipykernel", "torch", "matplotlib"):
        pytest.importorskip(module)
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONWARNINGS", "error::UserWarning")
    notebook = nbformat.from_dict(stored)
    (parameters,) = (cell for cell in code_cells(notebook) if "parameters" in cell.metadata.get("tags", []))
    names = re.findall(r"^(\w+) = ", parameters.source, re.M)
    assert names == re.findall(r"^(\w+) = ", SMALL, re.M)
    parameters.source = SMALL
    for cell in code_cells(notebook):
        cell.outputs = []
    before = sorted(os.listdir(NOTEBOOK.parent))
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3", resources=resources).execute()
    assert sorted(os.listdir(NOTEBOOK.parent)) == before
    assert [kinds(cell) for cell in code_cells(notebook)] == [kinds(cell) for cell in code_cells(stored)]


def test_it_is_stored_as_it_ran(stored: Any) -> None:
    nbformat.validate(stored)
    cells = code_cells(stored)
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    for cell in cells:
        assert not [output for output in cell.outputs if output.output_type == "error"]
        assert not [output for output in cell.outputs if output.get("name") == "stderr"]
        last = cell.source.rstrip().splitlines()[-1]
        assert cell.outputs or not re.match(r"(show|print|measure|Image)\(", last)
    assert sum(bool(cell.outputs) for cell in cells) >= 12


def test_its_pictures_are_small(stored: Any) -> None:
    assert NOTEBOOK.stat().st_size < 400_000
    pictures = 0
    for cell in code_cells(stored):
        for output in cell.outputs:
            for kind, data in output.get("data", {}).items():
                if kind.startswith("image/"):
                    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
                        assert image.width <= 4 * 256
                    pictures += 1
    assert pictures >= 6


def test_it_names_no_folder_of_whoever_ran_it(stored: Any) -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert "/home/" not in text
    assert {*stored.metadata} == {"kernelspec", "language_info"}


@pytest.mark.parametrize(
    "method", ["adain", "wct", "painter", "light", "painter, learned", "light, learned", "optimizer"]
)
def test_every_method_has_losses_and_a_time(stored: Any, method: str) -> None:
    said = "".join(output.get("text", "") for cell in code_cells(stored) for output in cell.outputs)
    assert re.search(rf"^{method} +[0-9.]+ s  style [0-9.]+  content [0-9.]+$", said, re.M)
    assert re.search(rf"^{method} +( +[0-9.]+){{8}}$", said, re.M)

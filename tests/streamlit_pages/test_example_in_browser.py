"""The example of a Streamlit page in a real browser: upload, pick, Stylize, see both, download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import ROOT, file_bytes, scene
from PIL import Image

pytest.importorskip("streamlit")

from streamlit_server import shown

import impasto

PHOTO = scene(300, 200)


def test_upload_pick_stylize_see_both_download(page: Any, home: Path, tmp_path: Path) -> None:
    with shown(ROOT / "examples" / "streamlit_app.py") as url:
        page.goto(url)
        page.get_by_text("Pick a style and press Stylize").wait_for()
        file = {"name": "holiday.png", "mimeType": "image/png", "buffer": file_bytes(PHOTO)}
        page.locator("input[type=file]").first.set_input_files(file)
        page.get_by_text("holiday.png").wait_for()
        page.get_by_role("combobox").first.click()
        page.get_by_role("option", name="Great Wave").click()
        page.get_by_role("button", name="Stylize").click()
        page.get_by_text("The painting").wait_for()
        pictures = page.locator("[data-testid=stMain] img")
        assert [picture.evaluate("image => image.naturalWidth") for picture in pictures.all()] == [300, 300]
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download").click()
        assert waiting.value.suggested_filename == "holiday-painted.jpg"
        waiting.value.save_as(tmp_path / "out.jpg")
        page.screenshot(path=tmp_path / "shown.png")
    expected = impasto.stylize(PHOTO, "great-wave").to_numpy()
    with Image.open(tmp_path / "out.jpg") as image:
        assert np.abs(np.asarray(image, np.float32) - expected).mean() < 4

"""The public face, and what importing it costs."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT

import impasto

PUBLIC = {
    "Controls",
    "Gallery",
    "ImpastoError",
    "MissingExtra",
    "Optimization",
    "Picture",
    "PictureError",
    "Preset",
    "Recipe",
    "Region",
    "StyleError",
    "Stylizer",
    "UsageError",
    "__version__",
    "enlarge",
    "enlarge_folder",
    "enlarge_video",
    "learn",
    "optimize",
    "paint_textures",
    "paint_video",
    "person_mask",
    "stylize",
    "stylize_folder",
    "texture",
}


def test_public_names_are_these() -> None:
    assert set(impasto.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(impasto, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'paint'"):
        impasto.paint  # noqa: B018


def test_using_impasto_imports_no_pytorch(photo: Path) -> None:
    code = (
        "import sys, impasto; assert 'onnxruntime' not in sys.modules and 'numpy' not in sys.modules;"
        f"impasto.stylize({str(photo)!r}, 'udnie'); import impasto.cli.main;"
        "assert 'torch' not in sys.modules, 'torch was imported'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_only_enlarging_needs_is_not_loaded_before() -> None:
    code = "import sys, impasto; impasto.Stylizer; assert 'cv2' not in sys.modules, 'OpenCV was imported'"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_slow_engine_without_pytorch_names_the_extra() -> None:
    code = "import sys; sys.modules['torch'] = None; import impasto; impasto.Recipe(); impasto.optimize"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtra: torch, which impasto.optimize needs, is not installed" in done.stderr
    assert "pip install 'impasto[torch]'" in done.stderr


def test_the_readme_example(photo: Path, painting: Path, tmp_path: Path) -> None:
    picture = impasto.stylize(photo, style={"starry-night": 0.6, painting: 0.4}, strength=80)
    picture.save(tmp_path / "out.png")
    assert impasto.Picture.open(tmp_path / "out.png").to_numpy().shape == (64, 96, 3)
    assert picture.made_with["style"] == "starry-night:0.6 + painting.png:0.4"


def test_every_kind_of_photo_gives_the_same_picture(photo: Path) -> None:
    from PIL import Image

    data = photo.read_bytes()
    image = Image.open(photo)
    with photo.open("rb") as file:
        sources = [photo, str(photo), data, file, image, np.asarray(image), impasto.Picture.open(photo)]
        results = [impasto.stylize(source, "the-scream").to_numpy() for source in sources]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_the_wheel_is_under_40_mb() -> None:
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as packed:
        for folder in (Path(impasto.__file__).parent, ROOT / "integrations"):
            for path in folder.rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    packed.write(path)
    assert 20e6 < wheel.tell() < 40e6

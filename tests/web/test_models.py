"""The networks and styles of the edition for browsers, as they lie in the repository."""

from __future__ import annotations

import hashlib
import json

from helpers import ROOT

from impasto.engines.light import Light
from impasto.engines.painter import Painter
from impasto.engines.quantized import VGG
from impasto.styles import builtin

MODELS = ROOT / "packages" / "web" / "models"


def test_they_were_made_from_what_the_library_has() -> None:
    made_from = json.loads((MODELS / "config.json").read_text(encoding="utf-8"))["sources"]
    files = {
        path.name: path for path in (Light.assets / "light.safetensors", Painter.assets / "painter.safetensors", VGG)
    }
    hashes = {
        name: hashlib.sha256(files.get(name, builtin.FOLDER / name).read_bytes()).hexdigest() for name in made_from
    }
    assert hashes == made_from, "tools/browser/export_browser.py writes them anew"


def test_every_style_has_a_card_and_a_thumbnail() -> None:
    cards = json.loads((MODELS / "config.json").read_text(encoding="utf-8"))["styles"]
    assert [card["name"] for card in cards] == list(builtin.cards())
    assert all((MODELS / "styles" / f"{card['name']}.webp").is_file() for card in cards)

"""`impasto doctor`: check the installation."""

from __future__ import annotations

import hashlib
import json as json_module
import platform
import sys

import click

from impasto.cli import options
from impasto.cli.command import Command
from impasto.cli.console import print_json
from impasto.engines.by_name import ENGINES, engine_of
from impasto.styles.gallery import Gallery
from impasto.system.files import ASSETS, NoHome
from impasto.system.sessions import provider, providers, threads
from impasto.version import __version__, installed

BASE = ("numpy", "pillow", "onnxruntime", "opencv-python-headless", "safetensors", "click", "rich", "platformdirs")
EXTRAS = {
    "torch": ("torch", "matplotlib"),
    "remote": ("fsspec",),
    "ray": ("ray",),
    "train": ("fsspec", "lightning-fabric", "onnx", "tensorboard"),
    "serve": ("starlette", "uvicorn", "python-multipart", "prometheus-client", "psutil"),
    "streamlit": ("streamlit",),
    "redis": ("redis",),
    "video": ("av",),
    "heif": ("pillow-heif",),
    "large": ("pyvips",),
}


def _place(gallery: Gallery) -> str:
    try:
        return str(gallery.folder)
    except NoHome as error:
        return str(error)


@click.command(cls=Command)
@options.json
def doctor(json: bool) -> None:
    """Show versions, extras, execution providers, threads, and check the hashes of all weights."""
    from PIL import features

    weights, whole = _weights()
    gallery = Gallery()
    problems = gallery.problems()
    formats = [name for name in ("webp", "avif", "littlecms2", "libtiff") if features.check(name)]
    facts: dict[str, object] = {
        "impasto": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        **{name: installed(name) or "missing" for name in BASE},
        "extras": {
            extra: ", ".join(f"{name} {installed(name) or 'missing'}" for name in names)
            for extra, names in EXTRAS.items()
        },
        "providers": providers(),
        "provider": provider(),
        "threads": threads(),
        "formats": formats,
        "weights": weights,
        "gallery": {
            "built in": sum(entry.builtin for entry in gallery.entries()),
            "folder": _place(gallery),
            "problems": problems,
        },
    }
    if json:
        print_json(facts)
    else:
        _print(facts)
    if not whole or problems:
        raise click.exceptions.Exit(1)


def _weights() -> tuple[dict[str, str], bool]:
    networks = {engine.folder: engine for engine in map(engine_of, ENGINES)}.values()  # AdaIN and WCT share a folder
    expected = [(net.folder / file, digest) for net in networks for file, digest in net.facts["sha256"].items()]
    for folder in (ASSETS / "vgg19", ASSETS / "enlarge"):
        recorded = json_module.loads((folder / "sha256.json").read_text(encoding="utf-8"))
        expected += [(folder / file, digest) for file, digest in recorded.items()]
    states = {}
    for path, digest in expected:
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            found = ""
        wrong = f"expected {digest}, found {found or 'no file'}: reinstall Impasto"
        states[f"{path.parent.name}/{path.name}"] = f"{digest} ok" if found == digest else wrong
    return states, all(state.endswith(" ok") for state in states.values())


def _print(facts: dict[str, object]) -> None:
    for key, value in facts.items():
        if isinstance(value, dict):
            print(key)
            for name, entry in value.items():
                entries = entry if isinstance(entry, list) else [entry]
                for line in entries or ["none"]:
                    print(f"  {name:20} {line}")
        else:
            print(f"{key:23}{', '.join(map(str, value)) if isinstance(value, list) else value}")

"""`impasto doctor`: check the installation."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json as json_module
import platform
import sys

import click
from packaging.requirements import Requirement

from impasto.cli import options
from impasto.cli.command import Command
from impasto.cli.console import print_json
from impasto.engines.by_name import ENGINES, engine_of
from impasto.styles.gallery import Gallery
from impasto.system.files import ASSETS, NoHome
from impasto.system.sessions import provider, providers, threads
from impasto.version import __version__, installed

DEVELOPERS = {"all", "dev", "docs"}


def _declared(field: str) -> list[str]:
    """Return the values of a field of Impasto's own metadata; none if it runs without being installed."""
    try:
        return importlib.metadata.metadata("impasto").get_all(field) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _needed(extra: str = "") -> dict[str, str]:
    """Return the version of each package that Impasto needs, or an extra adds; "missing" if it is not installed."""
    found: dict[str, str] = {}
    for text in _declared("Requires-Dist"):
        needed = Requirement(text)
        wanted = needed.marker.evaluate({"extra": extra}) if needed.marker else not extra
        if wanted and needed.name == "impasto":
            for other in sorted(needed.extras):
                found |= _needed(other)
        elif wanted:
            found[needed.name] = installed(needed.name) or "missing"
    return found


def _extras() -> dict[str, str]:
    """Return the state of each extra: its packages, or those that are missing and the command that installs them."""
    states = {}
    for extra in sorted(set(_declared("Provides-Extra")) - DEVELOPERS):
        packages = _needed(extra)
        missing = [name for name, version in packages.items() if version == "missing"]
        ready = ", ".join(f"{name} {version}" for name, version in packages.items())
        states[extra] = f"missing {', '.join(missing)}: pip install 'impasto[{extra}]'" if missing else ready
    return states


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
        **_needed(),
        "extras": _extras(),
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

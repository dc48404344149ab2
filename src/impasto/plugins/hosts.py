"""The programs that Impasto has plug-ins for, and their plug-in folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import UsageError


@dataclass(frozen=True)
class Host:
    """A program with a plug-in.

    Attributes:
        name: its name on the command line.
        title: its name for people.
        parts: files and folders that are copied into its plug-in folder. The first is the plug-in's own folder.
        folder: returns its plug-in folder. Raises UsageError if the folder is unknown.
        next: what the user must do after the installation, in one line.
        talks: True if the plug-in runs outside Impasto's Python, and therefore needs the shared modules.
    """

    name: str
    title: str
    parts: tuple[str, ...]
    folder: Callable[[], Path]
    next: str
    talks: bool = True


def _krita() -> Path:
    return _data("krita", "org.kde.krita") / "pykrita"


def _gimp() -> Path:
    folder = _config("GIMP", "org.gimp.GIMP")
    newest = sorted(_versions(folder), reverse=True)
    return folder / (newest[0][1] if newest else "3.0") / "plug-ins"


def _versions(folder: Path) -> Iterator[tuple[int, str]]:
    """Yield minor number and name of each folder of GIMP 3."""
    for path in folder.glob("3.*"):
        minor = path.name.partition(".")[2]
        if minor.isdecimal():
            yield int(minor), path.name


def _blender() -> Path:
    scripts = os.environ.get("BLENDER_USER_SCRIPTS")
    if scripts:
        return Path(scripts) / "addons"
    if sys.platform == "win32":
        folder = _application("Blender Foundation") / "Blender"
    elif sys.platform == "darwin":
        folder = _application("Blender")
    else:
        folder = _config("blender", "org.blender.Blender")
    numbered = [(path.name.partition("."), path) for path in folder.glob("*.*")]
    found = [(int(major), int(minor), path) for (major, _, minor), path in numbered if (major + minor).isdecimal()]
    if not found or max(found)[:2] < (4, 2):
        hint = "start Blender 4.2 or later once, or give --folder FOLDER"
        raise UsageError(f"there is no Blender 4.2 or later in {folder}", hint, code="no-such-folder")
    return max(found)[2] / "scripts" / "addons"


def _comfyui() -> Path:
    here = os.environ.get("COMFYUI_PATH")
    usual = [Path(here)] if here else [Path.home() / name for name in ("ComfyUI", "comfy/ComfyUI", "Documents/ComfyUI")]
    for folder in usual:
        if (folder / "custom_nodes").is_dir():
            return folder / "custom_nodes"
    raise UsageError(
        f"there is no ComfyUI in {usual[0]}",
        "impasto plugins install comfyui --folder /path/to/ComfyUI/custom_nodes",
        code="no-such-folder",
    )


def _darktable() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "darktable" / "lua"
    return _config("darktable", "org.darktable.Darktable") / "lua"


def _data(program: str, flatpak: str) -> Path:
    """Return the folder of a program's user data."""
    if sys.platform in ("win32", "darwin"):
        return _application(program)
    return _xdg("XDG_DATA_HOME", ".local/share", program, f"{flatpak}/data")


def _config(program: str, flatpak: str) -> Path:
    """Return the folder of a program's user settings."""
    if sys.platform in ("win32", "darwin"):
        return _application(program)
    return _xdg("XDG_CONFIG_HOME", ".config", program, f"{flatpak}/config")


def _application(program: str) -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / program
    return Path.home() / "Library" / "Application Support" / program


def _xdg(variable: str, usual: str, program: str, flatpak: str) -> Path:
    """Return a program's folder by the XDG rules, or its Flatpak's folder if only that exists."""
    plain = Path(os.environ.get(variable) or Path.home() / usual) / program
    boxed = Path.home() / ".var" / "app" / flatpak
    return boxed / program if boxed.is_dir() and not plain.is_dir() else plain


HOSTS = {
    host.name: host
    for host in (
        Host(
            "krita",
            "Krita",
            ("impasto_painter", "impasto_painter.desktop"),
            _krita,
            "restart Krita, enable it in Settings > Configure Krita > Python Plugin Manager, and restart again",
        ),
        Host("gimp", "GIMP 3", ("impasto-paint",), _gimp, "restart GIMP; find it in Filters > Artistic"),
        Host(
            "blender",
            "Blender",
            ("impasto_paint",),
            _blender,
            "restart Blender, and enable Impasto in Edit > Preferences > Add-ons; find it in the 3D view's sidebar",
        ),
        Host(
            "comfyui",
            "ComfyUI",
            ("impasto_nodes",),
            _comfyui,
            "pip install impasto with ComfyUI's Python, and restart ComfyUI; find the nodes under Impasto",
            talks=False,
        ),
        Host(
            "darktable",
            "darktable",
            ("impasto",),
            _darktable,
            'add the line require "impasto/impasto" to the file luarc beside the folder lua, and restart darktable',
            talks=False,
        ),
    )
}

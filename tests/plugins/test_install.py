"""Plug-ins for other programs: installed, replaced and removed without losing anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import ROOT, Outcome, assert_refused, refused

from impasto.errors import PictureError, UsageError
from impasto.plugins import hosts
from impasto.plugins.hosts import HOSTS
from impasto.plugins.install import RECORD, found, install, remove
from impasto.version import __version__

Run = Callable[..., Outcome]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home folder, on Linux."""
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "COMFYUI_PATH", "BLENDER_USER_SCRIPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", HOSTS)
def test_a_plug_in_is_installed_whole_and_removed(name: str, tmp_path: Path) -> None:
    host = HOSTS[name]
    (tmp_path / "other.txt").write_text("somebody else's")
    there = install(host, tmp_path)
    assert (there.version, there.current) == (__version__, True)
    files = contents(tmp_path)
    sources = ROOT / "integrations" / name
    for part in host.parts:
        whole = sources / part
        for path in whole.rglob("*") if whole.is_dir() else [whole]:
            if path.is_file() and "__pycache__" not in path.parts:
                assert files[path.relative_to(sources).as_posix()] == path.read_bytes()
    assert (f"{host.parts[0]}/link.py" in files) == host.talks
    record = json.loads(files[f"{host.parts[0]}/{RECORD}"])
    assert record["command"] == [sys.executable, "-m", "impasto"]
    assert all((tmp_path / file).stat().st_mode & 0o111 for file, data in files.items() if data.startswith(b"#!"))
    (tmp_path / host.parts[0] / "__pycache__").mkdir()
    (tmp_path / host.parts[0] / "__pycache__" / "a.pyc").write_bytes(b"")
    assert remove(host, tmp_path) == []
    assert list(tmp_path.iterdir()) == [tmp_path / "other.txt"]
    with refused(UsageError, "nothing-given", f"impasto plugins install {name}"):
        remove(host, tmp_path)


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    host = HOSTS["krita"]
    (tmp_path / "impasto_painter.desktop").write_text("mine")
    with refused(PictureError, "already-there", "impasto_painter.desktop"):
        install(host, tmp_path)
    assert contents(tmp_path) == {"impasto_painter.desktop": b"mine"}
    install(host, tmp_path, overwrite=True)
    with refused(PictureError, "already-there", __version__, "--overwrite"):
        install(host, tmp_path)


def test_another_version_is_named_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = HOSTS["krita"]
    old = tmp_path / "impasto_painter" / "old.py"
    monkeypatch.setattr("impasto.plugins.install.__version__", "0.0.9")
    install(host, tmp_path)
    record = tmp_path / "impasto_painter" / RECORD
    said = json.loads(record.read_text())
    old.write_text("gone in the next version")
    said["files"]["impasto_painter/old.py"] = "not its hash"
    record.write_text(json.dumps(said))
    monkeypatch.undo()
    assert (found(host, tmp_path).version, found(host, tmp_path).current) == ("0.0.9", False)
    with refused(PictureError, "already-there", "0.0.9", __version__):
        install(host, tmp_path)
    assert install(host, tmp_path, overwrite=True).current
    assert old.exists()  # it was changed since


def test_what_the_user_has_changed_is_kept_beside_its_successor(tmp_path: Path) -> None:
    host = HOSTS["gimp"]
    install(host, tmp_path)
    link = tmp_path / "impasto-paint" / "link.py"
    before = link.read_bytes()
    link.write_text("# mine\n")
    install(host, tmp_path, overwrite=True)
    assert link.read_bytes() == before
    assert link.with_name("link.py.changed").read_text() == "# mine\n"
    link.write_text("# mine again\n")
    install(host, tmp_path, overwrite=True)
    assert link.with_name("link.py.changed").read_text() == "# mine\n"
    assert link.with_name("link.py.changed-2").read_text() == "# mine again\n"


def test_a_folder_with_a_typing_error_is_not_made(run: Run, tmp_path: Path) -> None:
    told = run("plugins", "install", "comfyui", "--folder", tmp_path / "ComfyIU" / "custom_nodes")
    assert_refused(told, 1, "no-such-folder", "ComfyIU")
    assert list(tmp_path.iterdir()) == []


def test_what_the_user_has_changed_stays(tmp_path: Path) -> None:
    host = HOSTS["gimp"]
    install(host, tmp_path)
    changed = tmp_path / "impasto-paint" / "link.py"
    changed.write_text("# mine\n")
    assert remove(host, tmp_path) == [changed]
    assert contents(tmp_path) == {"impasto-paint/link.py": b"# mine\n"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": "1", "files": []}', '{"version": "1", "files": {"../x": "y"}}']
)
def test_a_damaged_record_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "impasto-paint").mkdir()
    (tmp_path / "impasto-paint" / RECORD).write_text(text)
    assert found(HOSTS["gimp"], tmp_path).version == ""


def test_where_programs_look(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = {name: host.folder for name, host in HOSTS.items()}
    assert folder["krita"]() == user / ".local/share/krita/pykrita"
    assert folder["darktable"]() == user / ".config/darktable/lua"
    assert folder["gimp"]() == user / ".config/GIMP/3.0/plug-ins"
    for name in ("2.10", "3.2", "3.10", "3.x"):
        (user / ".config/GIMP" / name).mkdir(parents=True)
    assert folder["gimp"]() == user / ".config/GIMP/3.10/plug-ins"
    (user / ".var/app/org.kde.krita/data").mkdir(parents=True)
    assert folder["krita"]() == user / ".var/app/org.kde.krita/data/krita/pykrita"
    (user / ".local/share/krita").mkdir(parents=True)
    assert folder["krita"]() == user / ".local/share/krita/pykrita"
    with refused(UsageError, "no-such-folder", "--folder"):
        folder["comfyui"]()
    (user / "ComfyUI/custom_nodes").mkdir(parents=True)
    assert folder["comfyui"]() == user / "ComfyUI/custom_nodes"
    monkeypatch.setattr(hosts.sys, "platform", "darwin")
    assert folder["krita"]() == user / "Library/Application Support/krita/pykrita"
    monkeypatch.setattr(hosts.sys, "platform", "win32")
    monkeypatch.setenv("APPDATA", str(user / "Roaming"))
    assert folder["gimp"]() == user / "Roaming/GIMP/3.0/plug-ins"


def test_where_blender_looks(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = HOSTS["blender"].folder
    with refused(UsageError, "no-such-folder", str(user / ".config/blender"), "--folder"):
        folder()
    (user / ".config/blender/3.6").mkdir(parents=True)
    with refused(UsageError, "no-such-folder", "4.2"):
        folder()
    for name in ("4.2", "4.10", "5.x", "cache.1"):
        (user / ".config/blender" / name).mkdir()
    assert folder() == user / ".config/blender/4.10/scripts/addons"
    (user / ".config/blender").rename(user / "elsewhere")
    (user / ".var/app/org.blender.Blender/config/blender/5.0").mkdir(parents=True)
    assert folder() == user / ".var/app/org.blender.Blender/config/blender/5.0/scripts/addons"
    monkeypatch.setattr(hosts.sys, "platform", "darwin")
    (user / "Library/Application Support/Blender/5.1").mkdir(parents=True)
    assert folder() == user / "Library/Application Support/Blender/5.1/scripts/addons"
    monkeypatch.setattr(hosts.sys, "platform", "win32")
    monkeypatch.setenv("APPDATA", str(user / "Roaming"))
    (user / "Roaming/Blender Foundation/Blender/4.5").mkdir(parents=True)
    assert folder() == user / "Roaming/Blender Foundation/Blender/4.5/scripts/addons"
    monkeypatch.setenv("BLENDER_USER_SCRIPTS", str(user / "scripts"))
    assert folder() == user / "scripts/addons"


def test_as_typed(run: Run, user: Path) -> None:
    assert (
        run("plugins", "install", "krita", "--print-path").out == f"{user}/.local/share/krita/pykrita/impasto_painter\n"
    )
    assert not (user / ".local").exists()
    told = run("plugins", "install", "krita")
    assert told.code == 0
    assert "Python Plugin Manager" in told.err
    assert run("plugins").out == run("plugins", "list").out
    listed = {one["name"]: one for one in map(json.loads, run("plugins", "list", "--json").out.splitlines())}
    assert listed.keys() == HOSTS.keys()
    assert (listed["krita"]["installed"], listed["gimp"]["installed"]) == (__version__, None)
    assert_refused(run("plugins", "install", "photoshop"), 2, "usage", "krita")
    assert run("plugins", "remove", "krita").code == 0
    assert_refused(run("plugins", "remove", "krita"), 2, "nothing-given")
    (user / ".config").write_text("a file where a folder should be")
    assert run("plugins", "install", "gimp").code == 1

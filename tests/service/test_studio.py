"""The page's files: which are served, and under which policy."""

from __future__ import annotations

from pathlib import Path

import pytest
from asgi import Said, ask

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from services import ThreadHosts

from impasto.service.app import make_app
from impasto.service.config import ServiceConfig
from impasto.service.service import Service
from impasto.service.studio import FOLDER, Studio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "studio"
    (found / "parts").mkdir(parents=True)
    (found / "index.html").write_text("<!doctype html><html></html>")
    (found / "parts" / "canvas.js").write_text("export {}")
    (found / "notes.txt").write_text("not for anybody")
    (found / ".hidden.js").write_text("nor this")
    (tmp_path / "secret.js").write_text("nor that")
    (found / "link.js").symlink_to(tmp_path / "secret.js")
    return found


def page(folder: Path, path: str, method: str = "GET", **headers: str) -> Said:
    app = make_app(Service.of(ThreadHosts(), ServiceConfig()), Studio(folder))
    return ask(app, path, method, **headers)


def test_a_page_of_static_files(folder: Path) -> None:
    root, script = page(folder, "/"), page(folder, "/parts/canvas.js")
    assert (root.status, root.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (script.status, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    for said in (root, script):
        policy = said.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert said.headers["referrer-policy"] == "no-referrer"
        assert said.headers["x-content-type-options"] == "nosniff"
        assert said.headers["cross-origin-opener-policy"] == "same-origin"
        assert said.headers["cache-control"] == "no-cache"
    assert page(folder, "/", if_none_match=root.headers["etag"]).status == 304


@pytest.mark.parametrize(
    "path",
    ["/notes.txt", "/.hidden.js", "/link.js", "/../secret.js", "/parts/../../secret.js", "/parts", "//etc/passwd"],
)
def test_nothing_else_is_served(folder: Path, path: str) -> None:
    assert page(folder, path).code == "no-such-page"


def test_routes_come_first(folder: Path) -> None:
    (folder / "v1").mkdir()
    (folder / "v1" / "limits").write_text("x")
    assert b'"controls"' in page(folder, "/v1/limits").body
    assert page(folder, "/v1/stylize").code == "wrong-method"
    assert page(folder, "/v1/nothing").code == "no-such-page"


def test_without_a_page_there_is_none() -> None:
    assert ask(make_app(Service.of(ThreadHosts(), ServiceConfig())), "/").code == "no-such-page"


def test_the_page_that_ships_has_no_script_or_style_inside() -> None:
    text = (FOLDER / "index.html").read_text(encoding="utf-8").lower()
    assert "<html" in text
    assert "<style" not in text
    assert "style=" not in text
    assert "onclick" not in text

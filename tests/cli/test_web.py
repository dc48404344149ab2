"""`impasto web`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Outcome, assert_refused


def test_refuses_a_folder_that_holds_no_edition(run: Callable[..., Outcome], tmp_path: Path) -> None:
    assert_refused(run("web", str(tmp_path)), 2, "nothing-given", "make web")
    (tmp_path / "index.html").write_text("<html>")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_refused(run("web", str(tmp_path), "--port", str(port)), 2, "in-use", str(port))


def test_serves_files_to_isolated_pages_and_lists_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    (folder / "engine").mkdir(parents=True)
    (folder / "index.html").write_text("<html>page")
    (folder / "engine" / "glue.mjs").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "impasto", "web", str(folder), "--no-browser", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert f"localhost:{port}" in server.stdout.readline()
        url = f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(url) as answer:
            assert answer.read() == b"<html>page"
            assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        with urllib.request.urlopen(f"{url}/engine/glue.mjs") as answer:
            assert answer.headers["Content-Type"].startswith("text/javascript")
        for path in ("/engine/", "/..%2fsecret.txt", "/../secret.txt", "/nothing"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(url + path)
        server.send_signal(signal.SIGTERM)
        try:
            assert server.wait(20) in (0, 143)
        finally:
            server.kill()
        assert server.stderr is not None
        assert "Traceback" not in server.stderr.read()

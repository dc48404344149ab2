"""The command that serves the studio: addresses, ports, and who may ask."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from asgi import ask, echo
from helpers import Outcome, assert_refused, file_bytes, scene, wait_until

from impasto.cli.addresses import address
from impasto.service.jobs.jobs import open_store
from impasto.service.origins import Origins
from impasto.service.personal import Personal, access


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:8501"),
        ("0.0.0.0", "http://localhost:8501"),
        ("::", "http://[::1]:8501"),
        ("::1", "http://[::1]:8501"),
        ("fe80::2", "http://[fe80::2]:8501"),
        ("studio.local", "http://studio.local:8501"),
    ],
)
def test_the_address_can_be_clicked(host: str, url: str) -> None:
    assert address(host, 8501) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_is_refused(run: Callable[..., Outcome], host: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listening:
        try:
            listening.bind((host, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        listening.listen()
        port = listening.getsockname()[1]
        assert_refused(run("app", "--host", host, "--port", port), 2, "in-use", str(port))


def test_a_host_that_is_none_of_this_machine_is_refused(run: Callable[..., Outcome]) -> None:
    assert_refused(run("app", "--host", "192.0.2.7"), 2, "no-device", "192.0.2.7")
    assert_refused(run("app", "--host", "no host"), 2, "no-device", "no host")


def test_the_page_is_asked_for_without_a_proxy(run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert "the page answers" in run("app", "--check").out


def test_on_loopback_this_computer_alone_is_answered() -> None:
    here = access("127.0.0.1")
    assert here.at_home
    assert here.page
    app = Origins(echo, (), here.hosts(), by_number=here.by_number)
    assert ask(app, host="localhost:8501").status == 200
    for host in ("evil.example:8501", "192.168.1.7:8501"):
        assert ask(app, host=host).code == "not-allowed"


def test_in_a_network_it_has_this_computers_names_and_numbers() -> None:
    """A page whose name is bound to this address anew asks by that name."""
    there = access("0.0.0.0")
    assert not there.at_home
    app = Origins(echo, (), there.hosts(), by_number=there.by_number)
    for host in ("localhost:8501", "192.168.1.7:8501", "[fe80::1]:8501", f"{socket.gethostname()}:8501"):
        assert ask(app, host=host).status == 200, host
    assert ask(app, host="evil.example:8501").code == "not-allowed"
    assert ask(app, host="192.168.1.7:8501", origin="http://evil.example").code == "not-allowed"


def test_jobs_survive_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "a home"))
    config = Personal().service_config()
    store = open_store(config.jobs_url)
    asyncio.run(store.open())
    asyncio.run(store.close())
    assert (tmp_path / "a home" / "cache" / "jobs.sqlite").is_file()


def test_a_user_without_a_home_has_jobs_for_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "file"))
    assert Personal().service_config().jobs_url is None


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "prometheus_client", "python_multipart"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    """In a Python that does not find the package."""
    code = (
        "import sys; from importlib.machinery import PathFinder; from impasto.__main__ import main\n"
        "class Without(PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        f"        return None if name.partition('.')[0] == {missing!r} else PathFinder.find_spec(name, path, target)\n"
        "sys.meta_path[sys.meta_path.index(PathFinder)] = Without\n"
        "sys.argv = ['impasto', 'app', *sys.argv[1:]]; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "pip install 'impasto[app]'" in done.stderr
    helped = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=60)
    assert helped.returncode == 0
    assert "--idle" in helped.stdout


@contextmanager
def running(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`impasto app` in a process of its own, on a port that was free; and the line that it says."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (home / "tmp").mkdir(exist_ok=True)
    environment = os.environ | {"IMPASTO_HOME": str(home), "TMPDIR": str(home / "tmp")}
    command = [sys.executable, "-m", "impasto", "app", "--no-browser", "--port", str(port), *words]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=environment, **pipes) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def asked(url: str, photo: bytes = b"") -> Any:
    request = urllib.request.Request(url, photo or None, {"Content-Type": "image/png"} if photo else {})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return json.loads(answer.read())


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_two_at_once_share_the_jobs_and_end_cleanly(tmp_path: Path) -> None:
    with ExitStack() as stack:
        apps = [stack.enter_context(running(tmp_path, *words)) for words in ((), ("--host", "0.0.0.0"))]
        urls = [line.split("at ", 1)[1].split()[0].rstrip(",") for _, line in apps]
        assert urls[0] != urls[1]
        assert "for others at http://" in apps[1][1]
        assert "for others" not in apps[0][1]
        photo, query = file_bytes(scene(64, 48)), "/v1/jobs?style=udnie&engine=light&strength="
        jobs = [(url, asked(f"{url}{query}{strength}", photo)) for strength in (40, 60, 80) for url in urls]
        for url, job in jobs:
            place = url + job["links"]["self"]
            wait_until(lambda place=place: asked(place)["state"] in ("done", "failed"))
            assert asked(place)["facts"].get("width") == 64
        for process, _ in apps:
            process.send_signal(signal.SIGINT)
        for process, _ in apps:
            assert process.stdout is not None
            assert process.stderr is not None
            assert (process.wait(30), process.stdout.read(), process.stderr.read()) == (0, "", "")
    assert not list((tmp_path / "tmp").glob("impasto-*"))


def test_limits_are_checked(run: Callable[..., Outcome]) -> None:
    assert_refused(run("app", "--max-upload", "0"), 2, "out-of-range", "--max-upload")

"""The module by which plug-ins talk to Impasto: a real service, the real command line, and servers that misbehave."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import ROOT, file_bytes, scene, wait_until
from PIL import Image

sys.path.insert(0, str(ROOT / "integrations"))

import link

from impasto.version import __version__

COMMAND = [sys.executable, "-m", "impasto"]
PICTURE = file_bytes(scene())


def go_on(_: float | None) -> bool:
    return True


def size_and_mode(data: bytes) -> tuple[tuple[int, int], str]:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.size, picture.mode


def depth(data: bytes) -> int:
    return data[24]  # the byte of a PNG's header


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server of the test's own; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_POST = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(handler: BaseHTTPRequestHandler, status: int, said: object) -> None:
    handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    data = json.dumps(said).encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def nowhere() -> str:
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture(scope="module")
def service() -> Iterator[Any]:
    """A real service, with its hosts."""
    for module in ("starlette", "prometheus_client", "uvicorn"):
        pytest.importorskip(module)
    job_server, services = pytest.importorskip("job_server"), pytest.importorskip("services")
    hosts = services.ThreadHosts(1)
    with job_server.served(hosts=hosts) as found:
        found.hosts = hosts
        yield found


@pytest.fixture
def server(service: Any) -> link.Server:
    found = link.connect(str(service.client.base_url), [])
    assert isinstance(found, link.Server)
    return found


def states(service: Any) -> list[str]:
    """The states of all jobs that the service has stored and that have ended."""

    async def look() -> list[str]:
        store = service.service.jobs.queue.store
        return [(await store.get(job)).state for job in await store.ended()]

    return asyncio.run_coroutine_threadsafe(look(), service.loop).result(10)


class TestServer:
    def test_says_its_version_and_lists_the_styles_with_thumbnails(self, server):
        assert server.version() == __version__
        styles = server.styles()
        assert (styles[0].name, styles[0].artist) == ("starry-night", "Vincent van Gogh")
        with Image.open(io.BytesIO(server.thumbnail(styles[0]))) as picture:
            assert 64 <= max(picture.size) <= 640
        assert server.thumbnail(link.Style("nosuch", "", "")) == b""

    @pytest.mark.parametrize(("bits", "mode"), [(8, "RGB"), (16, "RGB")])
    def test_paints_a_picture_of_the_same_size_and_removes_the_job(self, server, service, bits, mode):
        said: list[float | None] = []
        before = states(service)
        painted = server.paint(PICTURE, link.Wish("udnie", bits=bits), lambda share: said.append(share) or True)
        assert size_and_mode(painted) == ((96, 64), mode)
        assert depth(painted) == bits
        assert said
        assert all(share is None or 0 <= share <= 1 for share in said)
        assert states(service) == before

    def test_paints_in_the_style_of_a_file_and_keeps_transparency(self, server, painting):
        picture = np.dstack([scene(), np.full((64, 96), 128, np.uint8)])
        painted = server.paint(file_bytes(picture), link.Wish(str(painting)), go_on)
        assert size_and_mode(painted) == ((96, 64), "RGBA")

    def test_a_strength_of_nothing_is_the_picture(self, server):
        painted = server.paint(PICTURE, link.Wish("udnie", strength=0, detail=100), go_on)
        with Image.open(io.BytesIO(painted)) as picture:
            assert np.abs(np.asarray(picture).astype(int) - scene()).max() <= 2

    def test_cancels_the_job(self, server, service):
        begun, go, before = threading.Event(), threading.Event(), states(service)

        def block(_work: object) -> None:
            begun.set()
            go.wait(30)

        service.hosts.before = block
        try:
            with pytest.raises(link.Canceled):
                server.paint(PICTURE, link.Wish("udnie", strength=31), lambda _: not begun.is_set())
            wait_until(lambda: states(service) == [*before, "canceled"])
        finally:
            go.set()
            service.hosts.before = lambda _: None

    @pytest.mark.parametrize(
        ("picture", "wish", "said"),
        [
            (PICTURE, link.Wish("nosuch"), "nosuch"),
            (PICTURE, link.Wish("udnie", strength=300), "300"),
            (b"only text", link.Wish("udnie"), "picture"),
            (PICTURE, link.Wish("/no/such/painting.png"), "/no/such/painting.png"),
        ],
    )
    def test_what_is_refused_gets_one_line(self, server, picture, wish, said):
        with pytest.raises(link.Trouble, match=said) as error:
            server.paint(picture, wish, go_on)
        assert "\n" not in str(error.value)

    def test_a_key_is_sent_and_asked_for(self):
        def answer(handler: BaseHTTPRequestHandler) -> None:
            if handler.headers.get("Authorization") == "Bearer secret":
                reply(handler, 200, {"name": "impasto", "version": "9.1.0"})
            else:
                reply(handler, 401, {"detail": "a key is missing", "code": "no-key"})

        with answering(answer) as address:
            assert link.connect(address, [], "secret").version() == "9.1.0"
            with pytest.raises(link.Trouble, match="wants a key"):
                link.connect(address, COMMAND)
        with pytest.raises(link.Trouble, match="key"):
            link.connect(address, [], "with a\nline")


class TestServersThatMisbehave:
    @pytest.mark.parametrize("address", ["host:port", "ftp://host", "http://", "localhost:99999"])
    def test_what_is_no_address(self, address):
        with pytest.raises(link.Trouble, match="address"):
            link.Server(address)

    def test_nothing_listens(self):
        with pytest.raises(link.Trouble, match="no server answers at .*impasto serve"):
            link.connect(nowhere(), [])

    @pytest.mark.parametrize("said", [{"hello": "world"}, ["a list"], {"name": "other", "version": "1"}])
    def test_another_server(self, said):
        with (
            answering(lambda handler: reply(handler, 200, said)) as address,
            pytest.raises(link.Trouble, match="is not Impasto"),
        ):
            link.connect(address, [])

    def test_a_server_that_speaks_something_else(self):
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"220 mail.example.org ESMTP\r\n")

        with answering(answer) as address, pytest.raises(link.Trouble, match="is not Impasto"):
            link.connect(address, [])

    @pytest.mark.parametrize("cut", ["before the result", "in the result"])
    def test_a_server_that_ends_in_the_middle(self, cut):
        def answer(handler: BaseHTTPRequestHandler) -> None:
            if handler.command == "POST":
                reply(handler, 202, {"id": "one", "state": "waiting", "fraction": 0})
            elif handler.path.endswith("/result"):
                handler.send_response(200)
                handler.send_header("Content-Length", "1000")
                handler.end_headers()
                handler.wfile.write(b"half")
            elif cut == "in the result":
                reply(handler, 200, {"state": "done", "fraction": 1})
            handler.close_connection = True

        with answering(answer) as address, pytest.raises(link.Trouble, match=r"answers|is not Impasto") as error:
            link.Server(address).paint(PICTURE, link.Wish("udnie"), go_on)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        ("job", "said"),
        [
            (
                {"state": "failed", "error": {"message": "too little memory", "hint": "wait"}},
                "too little memory  .wait.",
            ),
            ({"state": "canceled"}, "canceled"),
        ],
    )
    def test_a_job_that_fails(self, job, said):
        def answer(handler: BaseHTTPRequestHandler) -> None:
            reply(handler, 200, {"id": "one", "fraction": 0.5, **job})

        with answering(answer) as address, pytest.raises(link.Trouble, match=said):
            link.Server(address).paint(PICTURE, link.Wish("udnie"), go_on)

    def test_an_answer_before_the_upload_has_ended(self):
        def answer(handler: BaseHTTPRequestHandler) -> None:
            said = json.dumps(
                {"detail": "the request has 30 MB, more than the 2 that are allowed", "code": "too-large"}
            )
            handler.wfile.write(f"HTTP/1.1 413 Too Large\r\nContent-Length: {len(said)}\r\n\r\n{said}".encode())
            handler.close_connection = True

        with answering(answer) as address, pytest.raises(link.Trouble, match="30 MB|answers"):
            link.Server(address).paint(bytes(30_000_000), link.Wish("udnie"), go_on)

    def test_a_canceled_upload_makes_no_job(self):
        whole = threading.Event()

        def answer(handler: BaseHTTPRequestHandler) -> None:
            time.sleep(0.3)
            length = int(handler.headers["Content-Length"])
            if len(handler.rfile.read(length)) == length:
                whole.set()

        with answering(answer) as address:
            big = bytes(30_000_000)
            with pytest.raises(link.Canceled):
                link.Server(address).paint(big, link.Wish("udnie"), lambda _: False)
        assert not whole.is_set()


class TestProgram:
    def test_says_its_version_and_lists_the_styles_with_thumbnails(self):
        program = link.connect("", COMMAND)
        assert isinstance(program, link.Program)
        assert program.version() == __version__
        styles = program.styles()
        assert styles[0].title == "The Starry Night"
        with Image.open(io.BytesIO(program.thumbnail(styles[0]))) as picture:
            assert 64 <= max(picture.size) <= 640

    def test_is_taken_where_the_named_server_is_not(self):
        assert isinstance(link.connect(nowhere(), COMMAND), link.Program)

    def test_paints_as_the_service_does(self, painting):
        said: list[float | None] = []
        picture = file_bytes(np.dstack([scene(), np.full((64, 96), 128, np.uint8)]))
        wish = link.Wish(str(painting), strength=80, bits=16)
        painted = link.Program(COMMAND).paint(picture, wish, lambda share: said.append(share) or True)
        assert size_and_mode(painted)[0] == (96, 64)
        assert depth(painted) == 16
        assert set(said) == {None}
        assert len(said) >= 3

    def test_is_ended_when_canceled(self, tmp_path):
        program = tmp_path / "slow.py"
        mark = tmp_path / "mark"
        program.write_text(f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(100)\n")
        with pytest.raises(link.Canceled):
            link.Program([sys.executable, str(program)]).paint(PICTURE, link.Wish("udnie"), lambda _: not mark.exists())
        assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]

    def test_is_ended_when_the_host_fails(self, tmp_path):
        program = tmp_path / "slow.py"
        program.write_text("import time\ntime.sleep(100)\n")

        def fail(_: float | None) -> bool:
            raise RuntimeError("the window is gone")

        with pytest.raises(RuntimeError, match="window"):
            link.Program([sys.executable, str(program)]).paint(PICTURE, link.Wish("udnie"), fail)

    @pytest.mark.parametrize(
        ("picture", "wish", "said"),
        [
            (PICTURE, link.Wish("nosuch"), "nosuch.*impasto styles"),
            (PICTURE, link.Wish("udnie", strength=300), "300"),
            (b"only text", link.Wish("udnie"), "not a picture"),
        ],
    )
    def test_what_is_refused_gets_one_line(self, picture, wish, said):
        with pytest.raises(link.Trouble, match=said) as error:
            link.Program(COMMAND).paint(picture, wish, go_on)
        assert "\n" not in str(error.value)
        assert not error.value.message.startswith("impasto:")

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            ([], "is not found .*pip install"),
            (["/no/such/program"], "cannot be run"),
            ([sys.executable, "-m", "no_such_module"], "No module named no_such_module"),
            ([sys.executable, "-c", "print('something else')"], "is not Impasto"),
            ([sys.executable, "-c", "raise SystemExit(3)"], "the code 3"),
        ],
    )
    def test_a_command_that_is_not_impasto(self, command, said):
        with pytest.raises(link.Trouble, match=said):
            link.connect("", command)

    def test_the_host_s_own_python_is_not_imposed_on_it(self, monkeypatch):
        monkeypatch.setenv("PYTHONHOME", "/the/host/s/python")
        monkeypatch.setenv("APPDIR", "/tmp/appimage")
        monkeypatch.setenv("LD_LIBRARY_PATH", "/tmp/appimage/lib")
        show = "import os; print('impasto', os.environ.get('PYTHONHOME', '') + os.environ.get('LD_LIBRARY_PATH', '-'))"
        assert link.Program([sys.executable, "-c", show]).version() == "-"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
@pytest.mark.parametrize("way", ["program", "server"])
def test_a_host_without_a_handler_of_sigpipe_survives(way: str):
    """Krita starts its Python so: a write to what has ended would end Krita."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    host = """
import signal, sys
import link
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
way = link.Server(sys.argv[1]) if sys.argv[1] else link.Program([sys.executable, "-c", "raise SystemExit(3)"])
try:
    way.paint(bytes(30_000_000), link.Wish("udnie"), lambda share: True)
except link.Trouble as trouble:
    print(trouble)
"""
    with answering(answer) as address:
        words = [sys.executable, "-c", host, address if way == "server" else ""]
        ended = subprocess.run(words, cwd=ROOT / "integrations", capture_output=True, text=True)
    assert ended.returncode == 0
    assert ended.stdout.strip()


@pytest.mark.parametrize("text", [None, "", "no json", "[1]", '{"version": "0.1.0", "command": ["python"]}'])
def test_installed(tmp_path: Path, text: str | None):
    if text is not None:
        (tmp_path / "installed.json").write_text(text)
    found = link.installed(str(tmp_path))
    assert found == ({"version": "0.1.0", "command": ["python"]} if text and text[0] == "{" else {})


def test_versions_that_differ_are_both_named():
    assert link.mismatch("0.1.0", "0.1.7") == ""
    line = link.mismatch("0.1.0", "0.2.0")
    assert "0.1.0" in line
    assert "0.2.0" in line
    assert "\n" not in line


def test_it_needs_the_standard_library_alone():
    imports = {word.split()[1].split(".")[0] for word in Path(link.__file__).read_text().splitlines() if _imports(word)}
    assert imports <= sys.stdlib_module_names


def _imports(line: str) -> bool:
    return line.lstrip().startswith(("import ", "from "))

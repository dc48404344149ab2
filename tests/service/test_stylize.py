"""Pictures over HTTP: the command line's bytes, formats, tags, and what bad requests get."""

from __future__ import annotations

import io
import json
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from helpers import Outcome, file_bytes, scene, wait_until
from PIL import Image
from services import Running, ThreadHosts, running
from starlette.requests import Request

from impasto.errors import ImpastoError
from impasto.picture.formats import load_plugins
from impasto.service.config import ServiceConfig
from impasto.service.negotiation import header_of
from impasto.service.pool import WorkerPool
from impasto.service.problems import hint_of

PHOTO = file_bytes(scene(72, 48), "JPEG")
LIGHT = {"engine": "light"}
PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
END = b"--b--\r\n"


def paint(
    service: Running, fields: dict[str, Any] | None = None, files: Any = None, **headers: str
) -> requests.Response:
    values: Any = {"style": "udnie"} | LIGHT if fields is None else fields
    files = [("image", ("photo.jpg", PHOTO))] if files is None else files
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(f"{service.url}/v1/stylize", data=values, files=files, headers=names, timeout=60)


def assert_problem(answer: requests.Response, status: int, code: str, *words: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    found = answer.json()
    assert (found["status"], found["code"]) == (status, code), found
    for word in words:
        assert word in f"{found['detail']} {found.get('hint')}", found
    return found


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_bytes_are_the_command_lines(
    service: Running,
    run: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    mask, painting = file_bytes(scene(20, 20)), file_bytes(scene(64, 64, 3))
    for name, data in (("photo.jpg", PHOTO), ("mask.png", mask), ("painting.png", painting)):
        (tmp_path / name).write_bytes(data)
    command = ["stylize", "photo.jpg", "--style", "udnie:0.6", "--style", "painting.png:0.4", "--strength", "80"]
    command += ["--region", "mask.png=great-wave", "--region", "background=strength=50,brush-size=2"]
    command += ["--engine", "light", "-o", f"out.{suffix}"]
    assert run(*command).code == 0
    files = [
        ("image", ("photo.jpg", PHOTO)),
        ("style", (None, "udnie")),
        ("style", ("painting.png", painting)),
        ("weight", (None, "0.6")),
        ("weight", (None, "0.4")),
        ("mask", ("mask.png", mask)),
        ("region_style", (None, "great-wave")),
        ("mask", (None, "background")),
        ("region_style", (None, "")),
        ("region_strength", (None, "100")),
        ("region_strength", (None, "50")),
        ("region_brush_size", (None, "")),
        ("region_brush_size", (None, "2")),
    ]
    answer = paint(service, LIGHT | {"strength": "80", "format": suffix}, files)
    assert answer.status_code == 200, answer.text
    assert answer.content == (tmp_path / f"out.{suffix}").read_bytes()
    assert answer.headers["impasto-size"] == "72x48"


def test_nothing_of_the_photo_s_own_is_left_if_it_shall_not_be(service: Running) -> None:
    exif = Image.Exif()
    exif[0x013B], exif[0x0112] = "EXIFMARK", 6
    photo = file_bytes(scene(72, 48), "JPEG", exif=exif, comment=b"COMMENTMARK")
    for strip in (False, True):
        fields = {"style": "udnie", "strip_metadata": str(strip).lower()} | LIGHT
        data = paint(service, fields, [("image", ("photo.jpg", photo))]).content
        assert (b"EXIFMARK" in data, b"COMMENTMARK" in data) == (not strip, not strip)
        assert b"impasto:settings" in data
        assert Image.open(io.BytesIO(data)).size == (48, 72)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("image/webp", "image/webp"),
        ("image/png;q=0.5, image/webp;q=0.9", "image/webp"),
        ("text/html, image/*", "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("image/jpg", "image/jpeg"),
        ("image/jpeg;q=0, */*", "image/png"),
    ],
)
def test_format_is_the_best_that_is_accepted(service: Running, accept: str, kind: str) -> None:
    answer = paint(service, Accept=accept)
    assert answer.headers["content-type"] == kind
    assert Image.MIME[str(Image.open(io.BytesIO(answer.content)).format)] == kind


def test_nothing_acceptable_is_said(service: Running) -> None:
    assert_problem(paint(service, Accept="text/html"), 406, "not-acceptable", "image/png")


def test_photo_may_be_the_body(service: Running) -> None:
    url = f"{service.url}/v1/stylize?style=udnie&engine=light"
    answer = requests.post(url, data=PHOTO, headers={"Content-Type": "image/jpeg"}, timeout=60)
    assert answer.content == paint(service).content


def test_headers_that_come_twice_count_twice() -> None:
    request = Request({"type": "http", "headers": [(b"accept", b"text/html"), (b"accept", b"image/png")]})
    assert header_of(request, "accept") == "text/html, image/png"


def test_painted_once_while_it_is_kept() -> None:
    with running(ThreadHosts(), ServiceConfig(cache_megabytes=1)) as service:
        first, second = paint(service), paint(service)
        assert first.content == second.content
        assert "paint;dur=" in first.headers["server-timing"]
        assert second.headers["server-timing"] == "cache;dur=0.0"
        assert first.headers["etag"] == second.headers["etag"]
        assert len(service.hosts.done) == 1
        assert paint(service, LIGHT | {"style": "great-wave"}).headers["etag"] != first.headers["etag"]
        assert len(service.hosts.done) == 2


def test_results_that_are_known_are_not_sent_again(service: Running) -> None:
    tag = paint(service).headers["etag"]
    done = len(service.hosts.done)
    answer = paint(service, LIGHT | {"style": "udnie"}, If_None_Match=f'"other", {tag}')
    assert_problem(answer, 412, "unchanged")
    assert answer.headers["etag"] == tag
    assert len(service.hosts.done) == done


def test_the_same_request_at_the_same_time_is_painted_once() -> None:
    gate = threading.Event()
    with running(ThreadHosts(before=lambda _: gate.wait(60)), ServiceConfig(cache_megabytes=0)) as service:
        answers: list[bytes] = []
        threads = [threading.Thread(target=lambda: answers.append(paint(service).content)) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: service.service.results.hits == 3)
        gate.set()
        for thread in threads:
            thread.join()
        assert len(set(answers)) == 1
        assert len(service.hosts.done) == 1


def test_a_client_that_leaves_takes_its_work_along() -> None:
    gate = threading.Event()
    hosts = ThreadHosts(workers=1, before=lambda _: gate.wait(60))
    with running(hosts) as service:
        first = threading.Thread(target=paint, args=(service,))
        first.start()
        load = service.service.load
        wait_until(lambda: load.running == 1)
        address = service.url.removeprefix("http://").split(":")
        lines = ["POST /v1/stylize?style=great-wave HTTP/1.1", "Host: x", "Content-Type: image/jpeg"]
        head = "\r\n".join([*lines, f"Content-Length: {len(PHOTO)}", "", ""])
        with socket.create_connection((address[0], int(address[1]))) as leaver:
            leaver.sendall(head.encode() + PHOTO)
            wait_until(lambda: load.waiting == 1)
        wait_until(lambda: load.waiting == 0)
        gate.set()
        first.join()
        assert len(hosts.done) == 1


@pytest.mark.parametrize(
    ("fields", "status", "code", "words"),
    [
        ({}, 422, "nothing-given", ["style"]),
        ({"style": "starry-knight"}, 422, "unknown-style", ["starry-night", "GET /v1/styles"]),
        ({"style": "/etc/passwd"}, 422, "unknown-style", []),
        ({"style": "../udnie"}, 422, "unknown-style", []),
        ({"style": "file:///etc/passwd"}, 422, "unknown-style", []),
        ({"style": "https://example.com/a.jpg"}, 422, "unknown-style", []),
        ({"style": "photo.jpg"}, 422, "unknown-style", []),
        ({"style": ""}, 422, "unknown-style", []),
        ({"style": "udnie:0"}, 422, "zero-weights", []),
        ({"style": "udnie:-1"}, 422, "out-of-range", []),
        ({"style": "udnie", "strength": "300"}, 422, "out-of-range", ["300"]),
        ({"style": "udnie", "strength": "nan"}, 422, "not-a-number", ["nan"]),
        ({"style": "udnie", "strength": "1e999"}, 422, "out-of-range", []),
        ({"style": "udnie", "strength": "٣"}, 422, "not-a-number", []),
        ({"style": "udnie", "strength": ["1", "2"]}, 422, "conflict", ["strength"]),
        ({"style": "udnie", "size": "1.5"}, 422, "not-a-number", ["size"]),
        ({"style": "udnie", "size": "90000", "format": "webp"}, 422, "not-encodable", ["16,383"]),
        ({"style": "udnie", "size": "20000"}, 413, "too-large", ["267 megapixels", "100"]),
        ({"style": "udnie", "keep_color": "all"}, 422, "unknown-choice", ["luminance"]),
        ({"style": "udnie", "engine": "magic"}, 422, "unknown-choice", ["painter"]),
        ({"style": "udnie", "format": "exe"}, 422, "unknown-choice", ["png"]),
        ({"style": "udnie", "quality": "0"}, 422, "out-of-range", []),
        ({"style": "udnie", "bits": "16"}, 422, "not-encodable", []),
        ({"style": "udnie", "mark": "maybe"}, 422, "unknown-choice", []),
        ({"style": "udnie", "weight": ["1", "2"]}, 422, "mismatch", []),
        ({"style": "udnie", "region_style": "none"}, 422, "mismatch", []),
        ({"style": "udnie", "path": "/etc"}, 422, "unknown-setting", ["path"]),
        ({"style": "udnie", "mask": "/etc/passwd"}, 422, "wrong-type", ["mask"]),
        ({"style": "udnie", "mask": "person"}, 422, "mismatch", ["region_style"]),
        ({"style": "udnie", "mask": "person", "region_strength": ["1", "2"]}, 422, "mismatch", ["region_strength"]),
        ({"style": "udnie", "mask": "person", "region_strength": "101"}, 422, "out-of-range", ["101"]),
        ({"style": "udnie", "mask": "person", "region_style": "/etc"}, 422, "unknown-style", []),
    ],
)
def test_fields_that_make_no_sense(service: Running, fields: Any, status: int, code: str, words: list[str]) -> None:
    assert_problem(paint(service, fields), status, code, *words)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "empty-file"),
        (b"just text", 415, "not-a-picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not-a-picture"),
        (PHOTO[: len(PHOTO) // 3], 422, "damaged-file"),
        (PHOTO[:20], 422, "damaged-file"),
    ],
)
def test_photos_that_are_none(service: Running, data: bytes, status: int, code: str) -> None:
    answer = paint(service, None, [("image", ("photo.jpg", data))])
    assert_problem(answer, status, code, "photo.jpg")


def test_hints_are_for_clients_not_for_the_command_line(service: Running) -> None:
    assert_problem(paint(service, LIGHT | {"style": "udni"}), 422, "unknown-style", "GET /v1/styles")
    hint = hint_of(ImpastoError("too large", "--size 4096 fits, or another --codec; --max-upload"))
    assert hint == "size 4096 fits, or another codec; --max-upload"


def test_what_is_wrong_is_said_by_the_files_name(service: Running) -> None:
    files = [("image", ("photo.jpg", PHOTO)), ("style", ("painting.jpg", b"text"))]
    assert_problem(paint(service, LIGHT, files), 415, "not-a-picture", "painting.jpg")
    files = [("image", ("cut.jpg", PHOTO[: len(PHOTO) // 2]))]
    assert_problem(paint(service, files=files), 422, "damaged-file", "cut.jpg")


@pytest.mark.parametrize("cut", [4, 40, 90])
def test_a_form_without_its_end_is_not_painted(service: Running, cut: int) -> None:
    """Fields that have not arrived would count as not given."""
    values = {"style": "udnie"} | LIGHT
    whole = requests.Request("POST", service.url, data=values, files=[("image", ("photo.jpg", PHOTO))]).prepare()
    assert isinstance(whole.body, bytes)
    kind = {"Content-Type": whole.headers["content-type"]}
    for body, status in ((whole.body[:-cut], 400), (whole.body, 200)):
        answer = requests.post(f"{service.url}/v1/stylize", body, headers=kind, timeout=60)
        assert answer.status_code == status, answer.text


def test_image_is_a_file(service: Running) -> None:
    assert_problem(paint(service, None, [("image", (None, "photo.jpg"))]), 422, "wrong-type", "image=@")


def test_forms_that_hold_no_files_are_told_from_those_that_do(service: Running) -> None:
    """What `curl -d`, and `curl --data-binary` without a type, send."""
    url = f"{service.url}/v1/stylize?style=udnie"
    assert_problem(requests.post(url, data={"image": "photo.jpg"}, timeout=60), 422, "wrong-type", "-F image=@")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(url, data=PHOTO, headers=kind, timeout=60)
    assert_problem(answer, 422, "wrong-type", "Content-Type: image/jpeg")
    assert_problem(requests.post(url, data=b"&" * 2_000_000, headers=kind, timeout=60), 422, "wrong-type")
    assert_problem(requests.post(url, data=b"a=1&" * 1000, headers=kind, timeout=60), 400, "malformed")


@pytest.mark.parametrize("field", ["style", "mask"])
@pytest.mark.parametrize(("data", "status", "code"), [(b"", 422, "empty-file"), (b"text", 415, "not-a-picture")])
def test_paintings_and_masks_are_looked_at_before_they_wait(
    service: Running, field: str, data: bytes, status: int, code: str
) -> None:
    done = len(service.hosts.done)
    files = [("image", ("photo.jpg", PHOTO)), (field, ("other.png", data))]
    more = {"style": "udnie", "region_style": "none"} if field == "mask" else {}
    assert_problem(paint(service, LIGHT | more, files), status, code, "other.png")
    assert len(service.hosts.done) == done


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    with running(ThreadHosts(), ServiceConfig(max_pixels=1000)) as service:
        assert_problem(paint(service), 413, "too-large")
        assert not service.hosts.done


def test_too_many_pixels_of_the_result_are_refused_before_they_are_painted() -> None:
    with running(ThreadHosts(), ServiceConfig(max_pixels=100_000)) as service:
        fields = LIGHT | {"style": "udnie", "format": "png"}
        assert paint(service, fields | {"size": "360"}).headers["impasto-size"] == "360x240"
        assert_problem(paint(service, fields | {"size": "400"}), 413, "too-large", "0.107 megapixels")
        frames = [Image.fromarray(scene(64, 64, seed)) for seed in range(4)]
        moving = io.BytesIO()
        frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
        files = [("image", ("a.gif", moving.getvalue()))]
        assert_problem(paint(service, fields | {"size": "200"}, files), 413, "too-large")
        assert paint(service, fields | {"size": "200", "format": "jpg"}, files).status_code == 200
        assert len(service.hosts.done) == 2


def test_too_many_pixels_of_paintings_are_refused_although_each_is_allowed() -> None:
    with running(ThreadHosts(), ServiceConfig(max_pixels=8000)) as service:
        painting = ("style", ("painting.png", file_bytes(scene(64, 64))))
        photo = ("image", ("photo.jpg", PHOTO))
        assert paint(service, LIGHT, [photo, painting]).status_code == 200
        assert_problem(paint(service, LIGHT, [photo, painting, painting]), 413, "too-large", "together")


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=b", b"--b\r\nno header", 400),
        ("multipart/form-data; boundary=b", b"--c\r\n\r\n--c--", 400),
        ("multipart/form-data; boundary=b", PART % (b"style", b"udnie"), 400),
        ("multipart/form-data; boundary=b; charset=utf-7", PART % (b"style", b"+2AA-") + END, 400),
        ("multipart/form-data; boundary=b; charset=utf-7", PART % (b"+2AA-", b"udnie") + END, 400),
        ("multipart/form-data; boundary=b; charset=undefined", PART % (b"style", b"udnie") + END, 400),
        ("application/json", b"{}", 415),
        ("text/plain", PHOTO, 415),
    ],
)
def test_bodies_that_are_none(service: Running, kind: str, body: bytes, status: int) -> None:
    headers = {"Content-Type": kind}
    answer = requests.post(f"{service.url}/v1/stylize?style=udnie", data=body, headers=headers, timeout=60)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_notes_come_along(service: Running) -> None:
    moving = [Image.fromarray(scene(32, 24, seed)) for seed in range(2)]
    out = io.BytesIO()
    moving[0].save(out, "GIF", save_all=True, append_images=moving[1:])
    answer = paint(service, LIGHT | {"style": "udnie", "format": "jpg"}, [("image", ("a.gif", out.getvalue()))])
    assert "frame" in json.loads(answer.headers["impasto-notes"])[0]


def test_a_fault_of_ours_is_a_problem_too() -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError("secret/path")

    with running(ThreadHosts(before=fail)) as service:
        answer = paint(service)
        assert_problem(answer, 500, "unexpected")
        assert "secret" not in answer.text
        assert requests.get(f"{service.url}/healthz", timeout=10).json() == {"live": True}


def test_other_paths_and_methods(service: Running) -> None:
    assert_problem(requests.get(f"{service.url}/v1/nothing", timeout=10), 404, "no-such-page")
    answer = requests.post(f"{service.url}/v1/stylize/", allow_redirects=False, timeout=10)
    assert_problem(answer, 404, "no-such-page")
    answer = requests.delete(f"{service.url}/v1/stylize", timeout=10)
    assert_problem(answer, 405, "wrong-method")
    assert answer.headers["allow"] == "POST"


def test_styles_are_listed_without_their_places(service: Running) -> None:
    listed = requests.get(f"{service.url}/v1/styles", timeout=10)
    assert str(Path.home()) not in listed.text
    names = [entry["name"] for entry in listed.json()["styles"]]
    assert "starry-night" in names
    one = requests.get(f"{service.url}/v1/styles/starry-night", timeout=10).json()
    small = requests.get(service.url + one["thumbnail"], timeout=10)
    assert np.asarray(Image.open(io.BytesIO(small.content))).ndim == 3
    again = requests.get(service.url + one["thumbnail"], headers={"If-None-Match": small.headers["etag"]}, timeout=10)
    assert (again.status_code, again.content) == (304, b"")
    assert_problem(requests.get(f"{service.url}/v1/styles/nix", timeout=10), 404, "no-such-style")
    assert_problem(requests.get(f"{service.url}/v1/styles/..%2f..%2fetc/thumbnail", timeout=10), 404, "no-such-page")


def test_uploads_stay_in_memory(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full, or not there, is no matter."""
    monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
    large = file_bytes(scene(800, 600), "BMP")
    assert len(large) > 1_000_000
    fields = {"style": "udnie", "size": "64"} | LIGHT
    assert paint(service, fields, [("image", ("photo.bmp", large))]).status_code == 200


def test_too_many_frames_are_refused() -> None:
    frames = [Image.fromarray(scene(16, 12, seed)) for seed in range(4)]
    with running(ThreadHosts(), ServiceConfig(clip_frames=3)) as service, io.BytesIO() as file:
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
        answer = paint(service, files=[("image", ("dance.gif", file.getvalue()))])
        assert_problem(answer, 413, "too-large", "dance.gif", "more than 3 frames")


def test_frames_beyond_the_limit_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte may hold 60,000 frames, and a decoder goes through all of them to tell their number."""
    monkeypatch.setattr("impasto.service.work.head_of", None)
    frame = b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
    moving = b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + frame * 60_000 + b";"
    crumbs = b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + frame[:11] + b"\1x" * 200_000
    with running(ThreadHosts()) as service:
        for data in (moving, crumbs):
            answer = paint(service, files=[("image", ("a.gif", data))])
            assert_problem(answer, 413, "too-large", "a.gif", "3,000 frames")


@pytest.mark.parametrize("path", ["/v1/jobs/", "/v1/styles/", "/v1/stylize/", "/v1/styles/a%0Ab"])
def test_a_path_has_one_name(service: Running, path: str) -> None:
    answer = requests.get(service.url + path, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_without_heic_the_rest_is_written_and_heic_is_said_to_be_missing(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_plugins()
    for table in (Image.OPEN, Image.SAVE):
        monkeypatch.delitem(table, "HEIF", raising=False)
    answer = paint(service, accept="image/heic, image/webp;q=0.5")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert_problem(paint(service, accept="image/heic"), 501, "missing-extra", "impasto[heif]")
    photo = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    answer = paint(service, files=[("image", ("photo.heic", photo))])
    assert_problem(answer, 501, "missing-extra", "photo.heic", "impasto[heif]")


@pytest.fixture(scope="module")
def processes() -> Iterator[Running]:
    """A service with a worker process of its own."""
    pytest.importorskip("psutil")
    with running(WorkerPool(1, 2000)) as found:
        yield found


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_processes_paint_the_command_lines_bytes_too(
    processes: Running,
    run: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(PHOTO)
    assert run("stylize", "photo.jpg", "--style", "great-wave", "--engine", "light", "-o", f"out.{suffix}").code == 0
    answer = paint(processes, LIGHT | {"style": "great-wave", "format": suffix})
    assert answer.status_code == 200, answer.text
    assert answer.content == (tmp_path / f"out.{suffix}").read_bytes()


def test_what_is_wrong_is_said_by_a_process_as_by_the_library(processes: Running) -> None:
    data = PHOTO[: len(PHOTO) * 2 // 3]  # its head is whole
    assert_problem(paint(processes, files=[("image", ("photo.jpg", data))]), 422, "damaged-file", "photo.jpg")

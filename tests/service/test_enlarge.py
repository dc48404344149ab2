"""`POST /v1/enlarge`."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from helpers import Outcome, file_bytes, scene
from PIL import Image
from services import Running, ThreadHosts, running

from impasto.service.config import ServiceConfig

PHOTO = file_bytes(scene(40, 30), "PNG")


def ask(service: Running, photo: bytes = PHOTO, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    files = {"image": ("photo.png", photo)}
    return requests.post(f"{service.url}/v1/enlarge", data=fields, files=files, headers=headers, timeout=60)


def test_bytes_are_the_command_lines(service: Running, run: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(PHOTO)
    done = run("enlarge", tmp_path / "photo.png", "--scale", 2, "--kind", "painting", "-o", tmp_path / "large.png")
    assert done.code == 0, done.err
    answer = ask(service, scale=2, kind="painting")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png"), answer.text
    assert answer.headers["Impasto-Size"] == "80x60"
    assert answer.content == (tmp_path / "large.png").read_bytes()
    again = ask(service, headers={"If-None-Match": answer.headers["ETag"]}, scale=2, kind="painting")
    assert again.json()["code"] == "unchanged"
    assert ask(service, scale=3).headers["ETag"] != answer.headers["ETag"]


def test_the_body_may_be_the_picture_and_the_format_another(service: Running) -> None:
    headers = {"Content-Type": "image/png", "Accept": "image/webp"}
    answer = requests.post(f"{service.url}/v1/enlarge?size=100&strength=50", PHOTO, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (100, 75))


def test_what_makes_no_sense_is_a_problem(service: Running) -> None:
    for fields, status, code in (
        ({"scale": 7}, 422, "unknown-choice"),
        ({"kind": "dog"}, 422, "unknown-choice"),
        ({"kind": "../../etc"}, 422, "unknown-choice"),
        ({"size": 20}, 422, "out-of-range"),
        ({"style": "udnie"}, 422, "unknown-setting"),
    ):
        answer = ask(service, **fields)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert ask(service, b"text").json()["code"] == "not-a-picture"
    with running(ThreadHosts(), ServiceConfig(max_pixels=8000)) as small:
        assert ask(small, scale=4).json()["code"] == "too-large"
        assert ask(small, scale=2).status_code == 200

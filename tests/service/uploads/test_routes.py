"""Uploads over HTTP: what is told of them, their previews, and who may see them."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
import requests
from helpers import file_bytes, scene
from job_server import served
from PIL import Image
from services import Running

PHOTO = file_bytes(scene(900, 600), "JPEG", quality=95)
LIGHT = {"style": "udnie", "engine": "light"}


def send(service: Running, data: bytes = PHOTO, name: str = "photo.jpg", **headers: str) -> dict[str, Any]:
    answer = requests.post(f"{service.url}/v1/uploads", data, params={"name": name}, headers=headers, timeout=60)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/uploads/{answer.json()['id']}"
    return answer.json()


def get(service: Running, upload: dict[str, Any], what: str = "painted", **params: Any) -> requests.Response:
    fields = (LIGHT if what == "painted" else {}) | params
    return requests.get(f"{service.url}/v1/uploads/{upload['id']}/{what}", fields, timeout=60)


def pixels(answer: requests.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def photo(service: Running) -> dict[str, Any]:
    return send(service)


def test_what_is_told_of_a_photo(service: Running, photo: dict[str, Any]) -> None:
    facts = {"name": "photo.jpg", "kind": "photo", "width": 900, "height": 600, "frames": 1, "alpha": False, "bits": 8}
    assert facts.items() <= photo.items()
    assert photo["bytes"] == len(PHOTO)
    assert photo["settings"] is None
    again = requests.get(f"{service.url}/v1/uploads/{photo['id']}", timeout=10).json()
    assert again["id"] == photo["id"]
    assert again["expires"] >= photo["expires"]


def test_a_form_sends_a_file_too(service: Running) -> None:
    files = {"file": ("../my photo.png", file_bytes(scene(40, 30)))}
    found = requests.post(f"{service.url}/v1/uploads", files=files, timeout=60).json()
    assert (found["width"], found["height"]) == (40, 30)
    assert "/" not in found["name"]


def test_a_camera_held_upright_gives_an_upright_photo(service: Running) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = send(service, file_bytes(scene(90, 60), "JPEG", exif=exif))
    assert (found["width"], found["height"]) == (60, 90)
    assert Image.open(io.BytesIO(get(service, found, "photo").content)).size == (60, 90)


def test_the_photo_is_fitted_to_a_side(service: Running, photo: dict[str, Any]) -> None:
    small = pixels(get(service, photo, "photo", side=300))
    expected = np.asarray(Image.open(io.BytesIO(PHOTO)).resize((300, 200), Image.Resampling.LANCZOS)).astype(int)
    assert small.shape == (200, 300, 3)
    assert np.abs(small - expected).mean() < 3


def test_a_preview_is_the_finished_picture_fitted(service: Running, photo: dict[str, Any]) -> None:
    """Whatever is done after painting, too."""
    bolder = {"brush_size": 2}, {"boldness": 100}
    for controls in ({}, {"strength": 50}, {"keep_color": "luminance"}, {"tone": "match"}, *bolder):
        form = LIGHT | {"format": "png", **controls}
        files = {"image": ("photo.jpg", PHOTO)}
        whole = requests.post(f"{service.url}/v1/stylize", form, files=files, timeout=60)
        expected = Image.open(io.BytesIO(whole.content)).resize((600, 400), Image.Resampling.LANCZOS)
        found = pixels(get(service, photo, side=600, **controls))
        assert np.abs(found - np.asarray(expected)).mean() < 6, controls
        assert np.abs(found - pixels(get(service, photo, "photo", side=600))).mean() > (5 if controls else 10)


@pytest.mark.parametrize("controls", [{}, {"strength": 60, "keep_color": "luminance", "tone": "match"}, {"size": 1200}])
def test_a_crop_is_a_part_of_the_exported_picture(controls: dict[str, Any], service: Running) -> None:
    """Alpha makes it a PNG, so that no compression stands between the two."""
    clear = np.dstack([scene(900, 600), np.full((600, 900), 255, np.uint8)])
    clear[:40, :40, 3] = 0
    data = file_bytes(clear)
    files = {"image": ("photo.png", data)}
    whole = requests.post(f"{service.url}/v1/stylize", LIGHT | {"format": "png"} | controls, files=files, timeout=60)
    expected = np.asarray(Image.open(io.BytesIO(whole.content)).convert("RGBA")).astype(int)
    answer = get(service, send(service, data, "photo.png"), crop="0,0,333,217", **controls)
    found = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA")).astype(int)
    assert found.shape == (217, 333, 4)
    seen = found[:, :, 3] > 0
    assert np.abs(found - expected[:217, :333])[seen].max() <= 2


def test_a_crop_ends_where_the_picture_does(service: Running, photo: dict[str, Any]) -> None:
    assert pixels(get(service, photo, crop="800,500,400,400")).shape == (100, 100, 3)


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"crop": "900,0,10,10"}, 422, "out-of-range"),
        ({"crop": "0,0,0,10"}, 422, "out-of-range"),
        ({"crop": "a"}, 400, "malformed"),
        ({"side": "15"}, 422, "out-of-range"),
        ({"side": "1e3"}, 422, "not-a-number"),
        ({"at": "-1"}, 422, "out-of-range"),
        ({"style": "no-such"}, 422, "unknown-style"),
        ({"style": "upload:" + "a" * 24}, 404, "no-such-upload"),
        ({"strength": "101"}, 422, "out-of-range"),
        ({"quality": "90"}, 422, "unknown-setting"),
        ({"size": "20000"}, 413, "too-large"),
    ],
)
def test_previews_that_make_no_sense(
    service: Running, photo: dict[str, Any], params: dict[str, str], status: int, code: str
) -> None:
    answer = get(service, photo, **params)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_preview_is_not_sent_twice(service: Running, photo: dict[str, Any]) -> None:
    first = get(service, photo, side=200)
    assert first.headers["cache-control"] == "private, max-age=3600"
    headers = {"If-None-Match": first.headers["etag"]}
    url = f"{service.url}/v1/uploads/{photo['id']}/painted"
    assert requests.get(url, LIGHT | {"side": 200}, headers=headers, timeout=60).status_code == 304
    other = requests.get(url, LIGHT | {"side": 200, "strength": 90}, headers=headers, timeout=60)
    assert other.status_code == 200


def test_an_upload_stands_for_a_file(service: Running, photo: dict[str, Any]) -> None:
    """The photo's, a painting's, a mask's."""
    half = np.zeros((60, 90), np.uint8)
    half[:, :45] = 255
    mask, painting = send(service, file_bytes(half), "m.png"), send(service, file_bytes(scene(80, 80, 4)), "p.png")
    url = f"{service.url}/v1/stylize"
    fields: dict[str, Any] = {"engine": "light", "format": "png", "size": "90", "region_style": "none"}
    sent = {
        "image": ("photo.jpg", PHOTO),
        "style": ("p.png", file_bytes(scene(80, 80, 4))),
        "mask": ("m", file_bytes(half)),
    }
    named = {name: f"upload:{one['id']}" for name, one in (("image", photo), ("style", painting), ("mask", mask))}
    one = requests.post(url, fields, files=sent, timeout=60)
    other = requests.post(url, fields | named, timeout=60)
    assert one.status_code == 200, one.text
    np.testing.assert_array_equal(pixels(one), pixels(other))
    preview = get(service, photo, side=90, mask=named["mask"], region_style="none", style=named["style"])
    original = pixels(get(service, photo, "photo", side=90))
    difference = np.abs(pixels(preview) - original)
    assert difference[:, :40].mean() < 1
    assert difference[:, 50:].mean() > 5


@pytest.mark.parametrize(
    ("name", "data", "status", "code"),
    [
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>', 415, "not-a-picture"),
        ("a.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 415, "not-a-picture"),
        ("a.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n\0", 422, "not-a-video"),
        ("a.ffconcat", b"ffconcat version 1.0\nfile /etc/passwd\n\0", 422, "not-a-video"),
        ("/etc/passwd", b"/etc/passwd", 415, "not-a-picture"),
        ("a.jpg", b"", 422, "empty-file"),
        ("a.jpg", PHOTO[:300], 422, "damaged-file"),
    ],
)
def test_what_is_no_photo_opens_nothing(service: Running, name: str, data: bytes, status: int, code: str) -> None:
    before = len(service.service.uploads)
    answer = requests.post(f"{service.url}/v1/uploads", data, params={"name": name}, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert "impasto-job" not in answer.text
    assert len(service.service.uploads) == before


def test_an_upload_is_its_senders() -> None:
    with served() as server:
        sent = server.client.post("/v1/uploads?name=p.jpg", content=PHOTO, headers={"X-Key": "anna"}).json()
        place = f"/v1/uploads/{sent['id']}"
        assert server.get(place, key="anna").status_code == 200
        for path in (place, f"{place}/photo", f"{place}/painted?style=udnie", f"{place}/mask?of=person"):
            assert server.get(path, key="bert").json()["code"] == "no-such-upload"
        fields = {"image": f"upload:{sent['id']}", "style": "udnie"}
        assert server.post("/v1/jobs", fields, key="bert").json()["code"] == "no-such-upload"
        assert server.post("/v1/jobs", fields, key="anna").status_code == 202
        assert server.delete(place, key="bert").status_code == 404
        assert server.delete(place, key="anna").status_code == 204
        assert server.get(place, key="anna").status_code == 404


def test_masks_that_are_unknown(service: Running, photo: dict[str, Any]) -> None:
    assert get(service, photo, "mask", of="cats").json()["code"] == "unknown-choice"
    assert get(service, photo, "mask", of="person").status_code in (200, 501)  # where they are installed


def test_what_a_preview_has_to_say_is_said_each_time(service: Running, photo: dict[str, Any]) -> None:
    """That nobody is in the photo, and that a drawn mask covers nothing; of what is remembered, too."""
    empty = f"upload:{send(service, file_bytes(np.zeros((60, 90), np.uint8)), 'm.png')['id']}"
    masks = {"mask": ["person", empty], "region_style": ["none", "none"]}
    for fields in ({"side": 200}, {"side": 201}, {"crop": "0,0,60,50"}, {"crop": "9,9,60,50"}):
        notes = json.loads(get(service, photo, **masks, **fields).headers["impasto-notes"])
        assert [word in " ".join(notes) for word in ("nobody was found", "the mask covers nothing")] == [True, True]
    for of in ("person", "faces", "background"):
        answer = get(service, photo, "mask", of=of, side=100)
        assert "was found" in json.loads(answer.headers["impasto-notes"])[0]
        gray = Image.open(io.BytesIO(answer.content))
        assert (gray.mode, gray.size) == ("L", (100, 67))
        assert set(np.unique(np.asarray(gray))) == ({255} if of == "background" else {0})
    assert "impasto-notes" not in get(service, photo, side=200).headers


def test_limits_tell_what_a_page_needs(service: Running) -> None:
    found = requests.get(f"{service.url}/v1/limits", timeout=10).json()
    strength = next(one for one in found["controls"] if one["name"] == "strength")
    assert (strength["kind"], strength["low"], strength["high"], strength["default"]) == ("number", 0, 100, 100)
    colors = next(one for one in found["controls"] if one["name"] == "keep_color")
    assert colors["choices"] == ["none", "luminance", "histogram", "coral"]
    assert found["max_upload"] == 50_000_000
    assert {"jpg", "png"} <= set(found["formats"])

"""Clips over HTTP: their frames, previews of these, and jobs that paint an upload."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from helpers import wait_until
from job_server import Server, served
from PIL import Image
from services import Running

pytest.importorskip("av")

from clips import moving, write
from films import Sound, film, looked_at, of_kind

LIGHT = {"style": "udnie", "engine": "light"}


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """Each brighter than the one before."""
    return [picture * (0.3 + index * 0.07) for index, picture in enumerate(moving(10))]


@pytest.fixture(scope="module")
def clip(service: Running, frames: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    data = write(tmp_path_factory.mktemp("clip") / "in.mp4", frames, sound=True).read_bytes()
    answer = requests.post(f"{service.url}/v1/uploads", data, params={"name": "in.mp4"}, timeout=60)
    assert answer.status_code == 201, answer.text
    return answer.json()


def pixels(service: Running, clip: dict[str, Any], what: str, **params: Any) -> np.ndarray:
    answer = requests.get(f"{service.url}/v1/uploads/{clip['id']}/{what}", params, timeout=60)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


def test_what_is_told_of_a_clip(clip: dict[str, Any]) -> None:
    told = {"kind": "clip", "width": 96, "height": 64, "frames": 10, "fps": 10, "seconds": 1, "sound": True}
    assert told.items() <= clip.items()
    assert clip["settings"] is None


@pytest.mark.parametrize(("at", "index"), [(None, 0), (0.0, 0), (0.55, 5), (0.9, 9), (50, 9)])
def test_the_frame_of_a_second_is_shown(
    service: Running, clip: dict[str, Any], frames: list[np.ndarray], at: float | None, index: int
) -> None:
    found = pixels(service, clip, "photo", **({} if at is None else {"at": at}))
    differences = [np.abs(found - picture * 255).mean() for picture in frames]
    assert int(np.argmin(differences)) == index
    assert min(differences) < 4


def test_the_frame_of_a_second_is_painted(service: Running, clip: dict[str, Any]) -> None:
    first, later = (pixels(service, clip, "painted", at=at, side=96, **LIGHT) for at in (0, 0.9))
    assert np.abs(first - pixels(service, clip, "photo", at=0, side=96)).mean() > 5
    assert np.abs(later - first).mean() > 10
    unpainted = pixels(service, clip, "painted", at=0.9, side=96, strength=0, **LIGHT)
    assert np.abs(unpainted - pixels(service, clip, "photo", at=0.9, side=96)).mean() < 2


def test_a_part_of_a_frame_is_that_frames(service: Running, clip: dict[str, Any]) -> None:
    whole = pixels(service, clip, "painted", at=0.9, size=192, side=192, **LIGHT)
    part = pixels(service, clip, "painted", at=0.9, size=192, crop="40,20,64,48", **LIGHT)
    assert part.shape == (48, 64, 3)
    assert np.abs(part - whole[20:68, 40:104]).mean() < 8
    other = pixels(service, clip, "painted", at=0, size=192, crop="40,20,64,48", **LIGHT)
    assert np.abs(part - other).mean() > 20


def sent(server: Server, path: Path) -> str:
    answer = server.client.post(f"/v1/uploads?name={path.name}", content=path.read_bytes())
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    with served() as found:
        yield found


def test_a_part_of_an_upload_is_painted_with_its_sound(server: Server, tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", 48, sounds=[Sound(seconds=2)], said={"title": "TITLEMARK"})
    fields = {"clip": f"upload:{sent(server, source)}", "style": "udnie", "start": "0.5", "end": "1.25", "steady": "0"}
    for strip in ("false", "true"):
        place = server.post("/v1/jobs", {**fields, "strip_metadata": strip}).headers["location"]
        wait_until(lambda place=place: server.get(place).json()["state"] in ("done", "failed"))
        job = server.get(place).json()
        assert (job["kind"], job["state"], job["facts"].get("frames")) == ("clip", "done", 18), job
        painted = tmp_path / f"{strip}.mp4"
        painted.write_bytes(server.get(job["links"]["result"]).content)
        found = looked_at(painted)
        assert len(found["frames"]) == 18
        assert 0.65 < of_kind(found, "audio")[0]["packets"][-1][0] < 0.8
        assert found["said"].get("title") == (None if strip == "true" else "TITLEMARK")


def test_a_clip_that_is_being_painted_keeps_its_upload(server: Server, tmp_path: Path) -> None:
    """Hours may pass meanwhile; once the job has ended, time counts."""
    uploads = server.service.uploads
    name = sent(server, film(tmp_path / "in.mp4", 12))
    assert server.service.jobs is not None
    runner = server.service.jobs.runner
    held = runner.hosts.before = _Gate()
    try:
        place = server.post("/v1/jobs", {"clip": f"upload:{name}", "style": "udnie"}).headers["location"]
        wait_until(lambda: server.get(place).json()["state"] == "running")
        later = uploads._clock() + 100_000
        uploads._clock = lambda: later
        server.run(uploads.sweep)
        assert server.get(f"/v1/uploads/{name}").status_code == 200
    finally:
        held.open()
    wait_until(lambda: server.get(place).json()["state"] == "done")
    server.run(uploads.sweep)
    assert server.get(f"/v1/uploads/{name}").status_code == 200
    uploads._clock = lambda: later + 100_000
    server.run(uploads.sweep)
    assert server.get(f"/v1/uploads/{name}").status_code == 404


class _Gate:
    """Holds up work until it is opened."""

    def __init__(self) -> None:
        from threading import Event

        self._event = Event()

    def __call__(self, _work: object) -> None:
        self._event.wait(60)

    def open(self) -> None:
        self._event.set()

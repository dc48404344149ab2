"""Jobs over HTTP, as clients use them."""

from __future__ import annotations

import asyncio
import base64
import hmac
import io
import json
import os
import signal
import socket
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from helpers import file_bytes, scene, wait_until
from job_listener import Listener
from job_server import Server, served
from job_works import BEGUN, GATES
from services import ThreadHosts

from impasto.engines.by_name import engine_of
from impasto.picture import Picture
from impasto.presets import store
from impasto.presets.preset import Preset
from impasto.service.pool import WorkerPool
from impasto.styles.gallery import Gallery

PHOTO = file_bytes(scene(64, 48), "JPEG")
PAINTING = file_bytes(scene(96, 80, 7))


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Starts services; each ends with the test."""
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    GATES.clear()
    BEGUN.clear()
    with ExitStack() as stack:
        yield lambda **values: stack.enter_context(served(**values))


def ended(server: Server, place: str, **headers: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def over() -> bool:
        found.update(server.get(place, **headers).json())
        return found["state"] in ("done", "failed", "canceled")

    wait_until(over)
    return found


def test_a_photo_is_painted_as_a_job(start: Any) -> None:
    server = start()
    sent = server.post("/v1/jobs", {"style": "udnie", "engine": "light", "strength": "80"}, image=("photo.jpg", PHOTO))
    assert sent.status_code == 202
    place = sent.headers["location"]
    assert sent.json()["links"]["self"] == place
    assert sent.json()["kind"] == "photo"
    found = ended(server, place)
    assert found["state"] == "done"
    assert found["fraction"] == 1
    result = server.get(found["links"]["result"])
    assert result.headers["content-type"] == found["media_type"]
    assert Picture.open(result.content).width == 64


def test_a_job_keeps_what_its_preset_said(start: Any) -> None:
    server = start()
    store.save("quiet", Preset((("udnie", 1.0),), {"strength": 60.0}, engine="light"))
    by_name = server.post("/v1/jobs", {"preset": "quiet"}, image=("photo.jpg", PHOTO))
    store.remove("quiet")
    by_hand = server.post(
        "/v1/jobs", {"style": "udnie", "strength": "60", "engine": "light"}, image=("photo.jpg", PHOTO)
    )
    results = [server.get(ended(server, sent.headers["location"])["links"]["result"]) for sent in (by_name, by_hand)]
    assert results[0].content == results[1].content


def test_the_optimizer_streams_losses_and_previews(start: Any) -> None:
    pytest.importorskip("torch")
    server = start()
    values = {"engine": "optimize", "iterations": "2", "start": "photo", "recipe": "fast"}
    place = server.post("/v1/jobs", values, image=("photo.jpg", PHOTO), style=("p.png", PAINTING)).headers["location"]
    events = server.events(f"{place}/events")
    assert events[-1]["event"] == "done"
    told = [event["data"] for event in events if event["event"] == "progress"]
    assert all(event["data"]["links"]["self"] == place for event in events)
    assert any(data["losses"].get("total", 0) > 0 for data in [*told, events[-1]["data"]])
    preview = server.get(f"{place}/preview")
    assert preview.headers["content-type"] == "image/jpeg"
    assert Picture.open(preview.content).width == 64
    assert Picture.open(server.get(f"{place}/result").content).width == 64


def test_a_folder_gives_a_zip_file(start: Any) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.jpg", PHOTO)
        archive.writestr("b.txt", b"text")
    server = start()
    place = server.post("/v1/jobs", {"style": "udnie", "engine": "light"}, folder=("h.zip", out.getvalue())).headers[
        "location"
    ]
    found = ended(server, place)
    assert found["facts"] == {"painted": 1, "failed": 1}
    with zipfile.ZipFile(io.BytesIO(server.get(f"{place}/result").content)) as archive:
        assert archive.namelist() == ["a.jpg", "report.json"]


def test_several_images_are_one_job(start: Any) -> None:
    server = start()
    files = [("image", ("a.jpg", PHOTO)), ("image", ("b.jpg", PHOTO))]
    sent = server.post_files("/v1/jobs", {"style": "udnie", "engine": "light", "format": "webp"}, files)
    assert ended(server, sent.headers["location"])["facts"] == {"painted": 2, "failed": 0}


def test_a_clip_is_painted(start: Any) -> None:
    pytest.importorskip("av")
    from PIL import Image

    frames = [Image.fromarray(scene(48, 32, seed)) for seed in range(3)]
    data = file_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    server = start()
    sent = server.post(
        "/v1/jobs", {"style": "udnie", "format": "gif", "steady": "50", "end": "10"}, clip=("c.gif", data)
    )
    found = ended(server, sent.headers["location"])
    assert found["state"] == "done", found
    assert len(Picture.open(server.get(found["links"]["result"]).content).frames) == 2


@pytest.mark.parametrize(
    ("values", "files", "status", "code"),
    [
        ({"style": "udnie"}, {}, 422, "nothing-given"),
        ({"style": "no-such"}, {"image": PHOTO}, 422, "unknown-style"),
        ({"style": "udnie", "frames": "3"}, {"image": PHOTO}, 422, "unknown-setting"),
        ({"style": "udnie", "engine": "optimize", "iterations": "5000"}, {"image": PHOTO}, 422, "out-of-range"),
        ({"style": "udnie", "engine": "optimize", "largest": "100000"}, {"image": PHOTO}, 422, "out-of-range"),
        ({"style": "udnie", "engine": "optimize", "start": "/etc/passwd"}, {"image": PHOTO}, 422, "unknown-choice"),
        ({"style": "udnie", "engine": "optimize", "start": "mix:2"}, {"image": PHOTO}, 422, "unknown-choice"),
        ({"style": "udnie", "engine": "optimize", "recipe": "mine"}, {"image": PHOTO}, 422, "unknown-choice"),
        ({"style": "udnie", "engine": "optimize", "style_loss": "mine"}, {"image": PHOTO}, 422, "unknown-choice"),
        ({"style": "udnie", "engine": "optimize"}, {"folder": PHOTO}, 422, "conflict"),
        ({"style": "udnie", "format": "exe"}, {"clip": PHOTO}, 422, "unknown-choice"),
        ({"style": "udnie", "crf": "100"}, {"clip": PHOTO}, 422, "out-of-range"),
        ({"style": "udnie", "codec": "../x"}, {"clip": PHOTO}, 422, "unknown-choice"),
        ({"style": "udnie", "resume": "1"}, {"clip": PHOTO}, 422, "unknown-setting"),
        ({"style": "udnie"}, {"clip": PHOTO, "image": PHOTO}, 422, "conflict"),
        ({"style": "udnie"}, {"folder": PHOTO, "image": PHOTO}, 422, "conflict"),
        ({"style": "udnie", "webhook": "http://127.0.0.1:1/"}, {"image": PHOTO}, 403, "not-allowed"),
        ({"style": "udnie", "webhook": "nonsense"}, {"image": PHOTO}, 400, "malformed"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(
    start: Any, values: dict[str, str], files: dict[str, bytes], status: int, code: str
) -> None:
    if "clip" in files:
        pytest.importorskip("av")
    if values.get("engine") == "optimize":
        pytest.importorskip("torch")
    server = start()
    answer = server.post("/v1/jobs", values, **{name: (f"{name}.jpg", data) for name, data in files.items()})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()


def test_a_missing_part_is_said_when_the_job_is_sent(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from impasto.service.jobs import work

    monkeypatch.setattr(work.importlib.util, "find_spec", lambda name: None)
    server = start()
    answer = server.post("/v1/jobs", {"style": "udnie", "engine": "optimize"}, image=("a.jpg", PHOTO))
    assert (answer.status_code, answer.json()["code"]) == (501, "missing-extra")


def test_another_key_sees_no_job(start: Any) -> None:
    server = start()
    sent = server.post("/v1/jobs", {"style": "udnie", "engine": "light"}, image=("a.jpg", PHOTO), key="anna")
    place = sent.headers["location"]
    assert ended(server, place, key="anna")["state"] == "done"
    for end in ("", "/result", "/preview", "/events"):
        assert server.get(place + end, key="bert").status_code == 404
        assert server.get(place + end).status_code == 404
    assert server.delete(place, key="bert").status_code == 404
    assert server.get(place, key="anna").status_code == 200


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fetc", "%00", "a" * 500, "é"])
def test_no_such_job(start: Any, name: str) -> None:
    answer = start().get(f"/v1/jobs/{name}")
    assert answer.status_code == 404


def test_the_same_post_again_gives_the_same_job(start: Any) -> None:
    server = start()
    values = {"style": "udnie", "engine": "light"}
    first = server.post("/v1/jobs", values, image=("a.jpg", PHOTO), idempotency="mine")
    again = server.post("/v1/jobs", values, image=("a.jpg", PHOTO), idempotency="mine")
    assert first.json()["id"] == again.json()["id"]
    other = server.post("/v1/jobs", values | {"strength": "5"}, image=("a.jpg", PHOTO), idempotency="mine")
    assert (other.status_code, other.json()["code"]) == (422, "conflict")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> str:
    """Jobs of photos, or of the kind that the field "kind" names, wait at a gate that is called so."""
    from job_works import GateWork

    from impasto.service.jobs import jobs, requests

    def gated(form: Any, service: Any) -> Any:
        return requests.Asked(form.texts.get("kind", ["photo"])[0], GateWork(form.texts["style"][0]))

    monkeypatch.setattr(jobs, "job_work", gated)
    return "gate"


def test_a_running_job_is_canceled_and_then_removed(start: Any, slow: str) -> None:
    server = start()
    place = server.post("/v1/jobs", {"style": slow}).headers["location"]
    wait_until(lambda: server.get(place).json()["step"] > 0)
    assert server.get(f"{place}/result").status_code == 409
    assert server.delete(place).status_code == 202
    assert ended(server, place)["state"] == "canceled"
    assert server.get(f"{place}/result").json()["code"] == "no-result"
    assert server.delete(place).status_code == 204
    assert server.get(place).status_code == 404


def test_a_job_that_is_stopped_keeps_what_there_is(start: Any, slow: str) -> None:
    server = start()
    place = server.post("/v1/jobs", {"style": slow, "kind": "clip"}).headers["location"]
    waits = server.post("/v1/jobs", {"style": slow, "kind": "clip"}).headers["location"]
    wait_until(lambda: server.get(place).json()["step"] > 0)
    assert server.client.post(f"{waits}/stop").json()["state"] == "canceled"
    assert server.client.post(f"{place}/stop").status_code == 202
    assert ended(server, place)["state"] == "done"
    assert server.get(f"{place}/result").content == b"ended early"
    assert server.client.post(f"{place}/stop").json()["state"] == "done"  # it had ended


def test_a_photo_that_is_stopped_has_nothing_to_keep(start: Any, slow: str) -> None:
    server = start()
    place = server.post("/v1/jobs", {"style": slow}).headers["location"]
    wait_until(lambda: server.get(place).json()["step"] > 0)
    server.client.post(f"{place}/stop")
    assert ended(server, place)["state"] == "canceled"


def test_a_waiting_job_has_a_place(start: Any, slow: str) -> None:
    server = start()
    first, *others = (server.post("/v1/jobs", {"style": slow}).headers["location"] for _ in range(3))
    wait_until(lambda: server.get(first).json()["state"] == "running")
    assert "place" not in server.get(first).json()
    assert [server.get(place).json()["place"] for place in others] == [1, 2]
    stream = server.stream(f"{others[1]}/events")
    assert next(stream)["data"]["place"] == 2
    server.delete(others[0])
    assert next(stream)["data"]["place"] == 1


def test_a_photos_job_tells_of_its_steps_and_is_stopped_in_the_middle(start: Any) -> None:
    """Its picture is so large that it cannot have ended meanwhile."""
    hosts = ThreadHosts(1)
    server = start(hosts=hosts)
    fields = {"style": "udnie", "engine": "light", "size": "6000"}
    place = server.post("/v1/jobs", fields, image=("a.jpg", PHOTO)).headers["location"]
    wait_until(lambda: server.get(place).json()["step"] >= 2)
    found = server.get(place).json()
    assert 0.08 < found["fraction"] < 0.92
    assert found["total"] == 4
    assert server.delete(place).status_code == 202
    assert ended(server, place)["state"] == "canceled"
    wait_until(lambda: server.service.load.running == 0)


def test_too_many_waiting_jobs_are_refused_with_a_time(start: Any, slow: str) -> None:
    server = start(jobs_waiting=1)
    place = server.post("/v1/jobs", {"style": slow}).headers["location"]
    wait_until(lambda: server.get(place).json()["state"] == "running")
    assert server.post("/v1/jobs", {"style": slow}).status_code == 202
    answer = server.post("/v1/jobs", {"style": slow})
    assert (answer.status_code, answer.json()["code"]) == (429, "busy")
    assert int(answer.headers["retry-after"]) > 0
    GATES[slow].set()


def test_events_go_on_at_another_replica(start: Any, slow: str, redis_url: str) -> None:
    """A client that is cut off comes again with its last event's id, at a replica that does not work on the job."""
    here, there = start(jobs_url=redis_url), start(jobs_url=redis_url, hosts=ThreadHosts(0))
    place = here.post("/v1/jobs", {"style": slow}).headers["location"]
    wait_until(lambda: here.get(place).json()["step"] > 0)
    first = next(there.stream(f"{place}/events"))
    assert first["event"] == "progress"
    opener = threading.Timer(0.5, lambda: GATES[slow].set())
    opener.start()
    rest = list(there.stream(f"{place}/events", last=first["id"]))
    assert int(rest[0]["id"]) > int(first["id"]) if rest[0]["id"] != "end" else True
    assert [event["id"] for event in rest] == sorted(
        {event["id"] for event in rest}, key=lambda n: (n == "end", int(n) if n != "end" else 0)
    )
    assert rest[-1]["event"] == "done"
    assert there.get(f"{place}/result").content == b"gate done"
    assert there.get(f"{place}/events", last="end").status_code == 204
    assert len(BEGUN[slow]) == 1


def test_a_stream_says_when_to_come_again_and_ends_with_the_service(start: Any, slow: str) -> None:
    server = start()
    place = server.post("/v1/jobs", {"style": slow}).headers["location"]
    with server.client.stream("GET", f"{place}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        server.call(lambda jobs: jobs.end())
        list(lines)
    GATES[slow].set()


def test_a_quiet_stream_is_kept_open(start: Any, slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from impasto.service.jobs import events
    from impasto.service.jobs.store import Job

    class Still:
        async def get(self, job: str, owner: str) -> Job:
            return Job(job, "photo", owner, 0, 0, state="running")

        async def place(self, job: Job) -> None:
            return None

    async def main() -> list[bytes]:
        found = []
        stream = events.events(Still(), Job("a", "photo", "", 0, 0), lambda job: {}, quiet=0.3)  # type: ignore[arg-type]
        async for event in stream:
            found.append(event)
            if event.startswith(b":"):
                return found
        return found

    assert asyncio.run(main())[1].startswith(b"event: progress\nid: 1\ndata: {")


ANNA, BERT = "a" * 20, "b" * 20


def learned(server: Server, name: str, **headers: str) -> None:
    form, files = {"name": name, "engine": "light"}, {"painting": ("p.png", PAINTING)}
    sent = server.client.post("/v1/styles", data=form, files=files, headers=headers)
    assert ended(server, sent.headers["location"])["state"] == "done"


def renamed(server: Server, name: str, wanted: dict[str, str], visitor: str = "") -> Any:
    headers = {"Impasto-Visitor": visitor} if visitor else {}
    return server.client.patch(f"/v1/styles/{name}", json=wanted, headers=headers)


def test_a_style_is_changed_by_its_owner_alone(start: Any) -> None:
    server = start(learn=True)
    learned(server, "mine", **{"Impasto-Visitor": ANNA})
    for visitor in (BERT, ""):
        assert renamed(server, "mine", {"name": "yours"}, visitor).json()["code"] == "not-allowed"
        headers = {"Impasto-Visitor": visitor} if visitor else {}
        assert server.client.delete("/v1/styles/mine", headers=headers).status_code == 403
        assert server.client.get("/v1/styles/mine", headers=headers).json()["mine"] is False
    for visitor, status in ((BERT, 403), (ANNA, 202)):
        learns_on = server.client.post(
            "/v1/styles", data={"name": "mine", "engine": "light"}, headers={"Impasto-Visitor": visitor}
        )
        assert learns_on.status_code == status
    assert server.client.get("/v1/styles/mine", headers={"Impasto-Visitor": ANNA}).json()["mine"] is True
    found = renamed(server, "mine", {"name": "ours", "title": "Our own"}, ANNA).json()
    assert (found["name"], found["title"], found["mine"]) == ("ours", "Our own", True)
    assert server.get("/v1/styles/mine").status_code == 404
    folder = Gallery().folder
    assert ANNA not in "".join(file.read_text() for file in folder.rglob("*.json"))
    assert server.client.delete("/v1/styles/ours", headers={"Impasto-Visitor": ANNA}).status_code == 204


def test_what_the_command_line_saved_is_of_whoever_runs_it(start: Any) -> None:
    server = start(learn=True)
    Gallery(painter=engine_of("light")).add("plain", PAINTING)
    assert renamed(server, "plain", {"title": "Plain"}, BERT).json()["title"] == "Plain"
    server.service.at_home = False
    assert renamed(server, "plain", {"title": "Stolen"}, BERT).status_code == 403


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        ({"name": "udnie"}, 422, "built-in"),
        ({"name": "other"}, 409, "name-taken"),
        ({"name": "No Name"}, 422, "bad-name"),
        ({"name": "../up"}, 422, "bad-name"),
        ({}, 400, "malformed"),
        ({"owner": "me"}, 400, "malformed"),
        ({"title": "two\nlines"}, 400, "malformed"),
    ],
)
def test_names_that_a_style_cannot_have(start: Any, wanted: dict[str, str], status: int, code: str) -> None:
    server = start(learn=True)
    gallery = Gallery(painter=engine_of("light"))
    for name in ("mine", "other"):
        gallery.add(name, PAINTING)
    answer = renamed(server, "mine", wanted)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert renamed(server, "udnie", {"title": "x"}).json()["code"] == "built-in"


def test_whose_a_style_is_cannot_be_said_by_a_field(start: Any) -> None:
    server = start(learn=True)
    form = {"name": "mine", "impasto owner": "x"}
    assert server.post("/v1/styles", form, painting=("p.png", PAINTING)).json()["code"] == "unknown-setting"


def test_a_painting_becomes_a_style(start: Any) -> None:
    server = start(learn=True)
    sent = server.post("/v1/styles", {"name": "mine", "engine": "light"}, painting=("p.png", PAINTING))
    assert sent.status_code == 202
    found = ended(server, sent.headers["location"])
    assert (found["state"], found["kind"]) == ("done", "style")
    assert json.loads(server.get(found["links"]["result"]).content)["name"] == "mine"
    painted = server.post("/v1/jobs", {"style": "mine", "engine": "light"}, image=("a.jpg", PHOTO))
    assert ended(server, painted.headers["location"])["state"] == "done"
    taken = server.post("/v1/styles", {"name": "mine"}, painting=("p.png", PAINTING))
    assert (taken.status_code, taken.json()["code"]) == (409, "name-taken")
    assert server.delete("/v1/styles/mine").status_code == 204
    assert server.delete("/v1/styles/mine").status_code == 404
    assert server.delete("/v1/styles/udnie").json()["code"] == "built-in"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"name": "../evil"}, "bad-name"),
        ({"name": "con"}, "bad-name"),
        ({}, "bad-name"),
        ({"name": "a", "seconds": "1000000"}, "out-of-range"),
        ({"name": "a", "seconds": "601"}, "out-of-range"),
        ({"name": "a", "boldness": "101"}, "out-of-range"),
        ({"name": "a", "title": "x" * 300}, "malformed"),
        ({"name": "a", "replace": "true"}, "unknown-setting"),
    ],
)
def test_a_style_that_makes_no_sense_is_refused(start: Any, values: dict[str, str], code: str) -> None:
    answer = start(learn=True).post("/v1/styles", values, painting=("p.png", PAINTING))
    assert (answer.status_code, answer.json()["code"]) == (400 if code == "malformed" else 422, code)


def test_the_gallery_stays_as_it_is_unless_that_is_allowed(start: Any) -> None:
    server = start()
    for answer in (server.post("/v1/styles", {"name": "a"}, painting=("p", PAINTING)), server.delete("/v1/styles/a")):
        assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")


def test_jobs_survive_a_restart(start: Any, slow: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    with served(jobs_url=url) as server:
        place = server.post("/v1/jobs", {"style": slow}).headers["location"]
        waiting = server.post("/v1/jobs", {"style": slow}).headers["location"]
        wait_until(lambda: server.get(place).json()["step"] > 0)
    GATES[slow].set()
    again = start(jobs_url=url)
    assert ended(again, place)["state"] == "done"
    assert ended(again, waiting)["state"] == "done"
    assert len(BEGUN[slow]) == 3


def test_without_an_address_nothing_stays(
    start: Any, slow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # other programs' jobs lie elsewhere
    with served() as server:
        server.post("/v1/jobs", {"style": slow})
        assert len([*tmp_path.glob("impasto-job-*")]) == 1
    assert not [*tmp_path.glob("impasto-job-*")]


def test_hosts_are_ready_soon_after_an_upload(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.service.jobs.jobs._SOON", 0.1)
    hosts = ThreadHosts(1)
    server = start(hosts=hosts)
    server.get("/v1/limits")
    assert not hosts.started
    assert server.client.post("/v1/uploads?name=photo.jpg", content=PHOTO).status_code == 201
    wait_until(lambda: hosts.started)


def test_a_worker_that_is_killed_begins_its_job_again(start: Any) -> None:
    """With processes: the job goes on, shows previews, and is canceled."""
    pytest.importorskip("torch")
    pool = WorkerPool(1)
    server = start(hosts=pool)
    values = {"engine": "optimize", "iterations": "900", "start": "photo", "tolerance": "0"}
    sent = server.post("/v1/jobs", values, image=("photo.jpg", PHOTO), style=("p.png", PAINTING))
    place = sent.headers["location"]
    wait_until(lambda: server.get(place).json()["step"] > 0)
    (worker,) = pool._alive
    os.kill(worker.process.pid, signal.SIGKILL)
    wait_until(lambda: pool.lost == 1 and worker not in pool._alive and pool._alive)
    before = server.get(place).json()["step"]
    wait_until(lambda: server.get(place).json()["step"] not in (0, before))
    assert server.get(place).json()["state"] == "running"
    assert Picture.open(server.get(f"{place}/preview").content).width == 64
    server.delete(place)
    assert ended(server, place)["state"] == "canceled"


def test_the_document_describes_what_is_answered(start: Any) -> None:
    server = start()
    paths = server.get("/openapi.json").json()["paths"]
    assert {"get", "post"} <= set(paths["/v1/styles"])
    assert {"get", "delete"} <= set(paths["/v1/styles/{name}"])
    fields = paths["/v1/jobs"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert {"image", "clip", "folder", "style", "iterations", "steady", "webhook", "strength"} <= set(fields)
    assert "optimize" in fields["engine"]["enum"]
    assert server.client.request("PATCH", "/v1/styles").headers["allow"] == "GET, HEAD, POST"


def test_a_full_disk_refuses_jobs_until_there_is_room(start: Any) -> None:
    server = start()
    database = server.service.jobs.queue.store._connection
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    values = {"style": "udnie", "engine": "light"}
    photo = file_bytes(scene(400, 300), "BMP")
    answer = server.post("/v1/jobs", values, image=("a.bmp", photo))
    assert (answer.status_code, answer.json()["code"]) == (503, "disk-full")
    assert int(answer.headers["retry-after"]) > 0
    database.execute("PRAGMA max_page_count = 1000000")
    place = server.post("/v1/jobs", values, image=("a.bmp", photo)).headers["location"]
    assert ended(server, place)["state"] == "done"


def test_a_redis_that_is_away_is_said_and_comes_back(start: Any, redis_url: str) -> None:
    import redis

    server = start(jobs_url=redis_url)
    values = {"style": "udnie", "engine": "light"}
    place = server.post("/v1/jobs", values, image=("a.jpg", PHOTO)).headers["location"]
    assert ended(server, place)["state"] == "done"
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory", "1")
        answer = server.post("/v1/jobs", values, image=("a.jpg", PHOTO))
        assert (answer.status_code, answer.json()["code"]) == (503, "disk-full")
        client.config_set("maxmemory", "0")
    again = server.post("/v1/jobs", values, image=("a.jpg", PHOTO)).headers["location"]
    assert ended(server, again)["state"] == "done"


def test_a_redis_that_was_started_anew_is_met_as_if_nothing_was(start: Any, redis_url: str) -> None:
    import redis

    server = start(jobs_url=redis_url)
    place = server.post("/v1/jobs", {"style": "udnie", "engine": "light"}, image=("a.jpg", PHOTO)).headers["location"]
    assert ended(server, place)["state"] == "done"
    with redis.Redis.from_url(redis_url) as client:
        client.client_kill_filter(_type="normal", skipme=True)
    assert server.get(place).status_code == 200


def test_metrics_wait_for_no_store(start: Any, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    monkeypatch.setattr("impasto.service.jobs.jobs._PATIENCE", 0.1)
    server = start(jobs_url=redis_url)
    with redis.Redis.from_url(redis_url) as client:
        began = time.monotonic()
        client.client_pause(2000)
    answer = server.get("/metrics")
    assert answer.status_code == 200
    assert 'impasto_jobs{state="running"} 0.0' in answer.text
    assert 'state="waiting"' not in answer.text
    assert time.monotonic() - began < 1.5


def test_a_store_that_is_closed_is_no_fault_of_the_service(start: Any) -> None:
    server = start()
    done = asyncio.run_coroutine_threadsafe(server.service.jobs.queue.store.close(), server.loop)
    done.result(10)
    answer = server.get("/v1/jobs/abc")
    assert (answer.status_code, answer.json()["code"]) == (503, "unreachable")


def test_a_client_is_told_of_the_end_of_its_job(start: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x" * 32)
    with Listener() as listener:
        server = start(webhook_host=(listener.place,), webhook_secret_file=secret)
        values = {"style": "udnie", "engine": "light", "webhook": f"http://{listener.place}/done"}
        place = server.post("/v1/jobs", values, image=("a.jpg", PHOTO)).headers["location"]
        wait_until(lambda: server.get(place).json()["webhook"]["delivery"] == "delivered")
        ((path, headers, body),) = listener.heard
    told = json.loads(body)
    assert (path, told["state"], told["links"]["result"]) == ("/done", "done", f"{place}/result")
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    expected = base64.b64encode(hmac.digest(b"x" * 32, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_server_that_does_not_answer_holds_up_no_other(start: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x" * 32)
    with Listener() as listener, socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"127.0.0.1:{silent.getsockname()[1]}"
        server = start(webhook_host=(listener.place, mute), webhook_secret_file=secret)
        for place in (mute, listener.place):
            values = {"style": "udnie", "engine": "light", "webhook": f"http://{place}/done"}
            job = server.post("/v1/jobs", values, image=("a.jpg", PHOTO)).headers["location"]
            assert ended(server, job)["state"] == "done"
        with silent.accept()[0]:
            wait_until(lambda: len(listener.heard) == 1, 5)


def test_a_style_that_was_learned_is_not_learned_again_by_the_same_post(start: Any) -> None:
    server = start(learn=True)
    values = {"name": "mine", "engine": "light"}
    first = server.post("/v1/styles", values, painting=("p.png", PAINTING), idempotency="a")
    ended(server, first.headers["location"])
    again = server.post("/v1/styles", values, painting=("p.png", PAINTING), idempotency="a")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


def test_the_head_of_a_stream_comes_at_once(start: Any, slow: str) -> None:
    server = start()
    place = server.post("/v1/jobs", {"style": slow}).headers["location"]
    answer = server.client.head(f"{place}/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")

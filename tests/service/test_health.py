"""How the service says that it feels."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request

import pytest
from helpers import file_bytes, scene
from services import Running, ThreadHosts, running

from impasto.engines.by_name import ENGINES

pytest.importorskip("starlette")


def ask(url: str, data: bytes | None = None) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(url, data, {"Content-Type": "image/png"} if data else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, error.read(), {k.lower(): v for k, v in error.headers.items()}


def value(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, text
    return float(found[1])


READY = ["/readyz", "/v2/health/ready", *(f"/v2/models/{name}/ready" for name in ENGINES)]


@pytest.mark.parametrize("path", ["/healthz", "/v2/health/live"])
def test_it_says_that_it_lives(service: Running, path: str) -> None:
    status, body, _ = ask(service.url + path)
    assert (status, json.loads(body)) == (200, {"live": True})


@pytest.mark.parametrize("path", READY)
def test_it_says_that_it_is_ready(service: Running, path: str) -> None:
    status, body, _ = ask(service.url + path)
    assert (status, json.loads(body)) == (200, {"ready": True})


def test_there_is_no_other_model(service: Running) -> None:
    status, body, headers = ask(service.url + "/v2/models/resnet/ready")
    assert (status, json.loads(body)["code"]) == (404, "no-such-page")
    assert headers["content-type"] == "application/problem+json"


def test_it_says_why_it_is_not_ready_and_lives_on() -> None:
    hosts = ThreadHosts()
    with running(hosts) as service:
        hosts.up = False
        for path in READY:
            status, body, headers = ask(service.url + path)
            assert (status, json.loads(body)["code"]) == (503, "not-ready")
            assert int(headers["retry-after"]) >= 1
        hosts.up = True
        assert ask(service.url + "/readyz")[0] == 200
        service.loop.call_soon_threadsafe(service.service.load.end)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), service.loop).result(10)
        assert json.loads(ask(service.url + "/readyz")[1])["code"] == "ending"
        assert ask(service.url + "/healthz")[0] == 200


def test_prometheus_is_told_of_jobs() -> None:
    from job_server import served

    with served() as service:
        sent = service.post(
            "/v1/jobs", {"style": "udnie", "engine": "light"}, image=("p.png", file_bytes(scene(48, 32)))
        )
        service.events(sent.json()["links"]["events"])
        text = service.get("/metrics").text
        assert value(text, 'impasto_jobs{state="waiting"}') == value(text, 'impasto_jobs{state="running"}') == 0
        assert value(text, 'impasto_jobs_ended_total{state="done"}') == 1
        assert value(text, "impasto_jobs_resident_bytes") >= 0


def test_prometheus_is_told() -> None:
    from prometheus_client.parser import text_string_to_metric_families

    with running(ThreadHosts(workers=3)) as service:
        for _ in range(2):
            query = f"?style=udnie&engine=light&strength={50 + _}"
            assert ask(f"{service.url}/v1/stylize{query}", file_bytes(scene(48, 32)))[0] == 200
        status, body, headers = ask(service.url + "/metrics")
        text = body.decode()
        assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")
        names = {family.name for family in text_string_to_metric_families(text)}
        assert all(name.startswith("impasto_") for name in names)
        assert value(text, 'impasto_pictures_total{engine="light"}') == 2
        assert value(text, 'impasto_megapixels_total{engine="light"}') == pytest.approx(2 * 48 * 32 / 1e6)
        for stage in ("wait", "work", "style", "read", "paint", "encode"):
            assert value(text, f'impasto_stage_seconds_count{{stage="{stage}"}}') == 2
            assert value(text, f'impasto_stage_seconds_per_megapixel_count{{stage="{stage}"}}') == 2
        assert value(text, 'impasto_resident_bytes{process="front"}') > 10_000_000
        assert value(text, "impasto_workers") == 3
        assert value(text, "impasto_queue_depth") == value(text, "impasto_queue_megapixels") == 0

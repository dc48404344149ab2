"""`impasto serve`: paint over HTTP."""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from impasto.cli import options
from impasto.cli.addresses import address, addresses, listening
from impasto.cli.command import Command, option
from impasto.cli.console import one_line, print_json
from impasto.cli.serving import log_as_notes, need_extra
from impasto.errors import ImpastoError, UsageError
from impasto.service.config import ServiceConfig
from impasto.system.files import ASSETS
from impasto.system.sessions import threads

if TYPE_CHECKING:
    from impasto.service.hosts import Hosts
    from impasto.service.limits import Access

_PATIENCE = 60.0  # seconds for a process to start, and for one picture
_FIELDS = dict.fromkeys(("job_seconds", "job_hours", "job_iterations", "clip_frames", "clip_seconds"), "Jobs")
_FIELDS |= dict.fromkeys(("jobs_url", "jobs_waiting", "jobs_megabytes", "folder_photos", "job_workers"), "Jobs")
_FIELDS |= dict.fromkeys(("learn", "learn_seconds", "own_styles", "webhook_host", "webhook_secret_file"), "Jobs")
_FIELDS |= dict.fromkeys(("uploads_megabytes", "upload_minutes"), "Jobs")
_FIELDS |= dict.fromkeys(("grace", "worker_megabytes", "cache_megabytes"), "Running")
_EXAMPLES = """
impasto serve --port 8080 --workers auto --queue-megapixels 200 --api-key-file keys.txt
curl -F image=@photo.jpg -F style=starry-night -F strength=80 localhost:8080/v1/stylize -o out.jpg
curl -F image=@photo.jpg -F style=@painting.jpg -H 'Accept: image/webp' localhost:8080/v1/stylize -o out.webp
curl -F image=@photo.jpg -F style=udnie -F engine=optimize localhost:8080/v1/jobs
impasto serve --host 0.0.0.0 --api-key-file keys.txt --requests-per-minute 60
impasto serve --engine-hosts ray
"""


@click.command(cls=Command, examples=_EXAMPLES)
@option(
    "--host",
    default="127.0.0.1",
    help="Address to listen on. Access from other machines needs --api-key-file or --open.",
)
@option("--port", type=click.IntRange(0, 65535), default=8080, help="Port to listen on; 0 for any free port.")
@option(
    "--workers", default="auto", metavar="auto|N", help="Number of painting processes; auto: one for each processor."
)
@option(
    "--engine-hosts",
    type=click.Choice(["local", "ray"]),
    default="local",
    help="Paint in processes of this machine, or in replicas of Ray Serve.",
)
@option("--page", is_flag=True, help="Also serve the studio, at / of the same address.")
@option("--api-key-file", type=options.PATH, help="File of keys, one a line. Each request needs a key.", panel="Access")
@option(
    "--open",
    "open_to_all",
    is_flag=True,
    help="Admit everybody who reaches the address, without a key.",
    panel="Access",
)
@option("--cors-origin", multiple=True, help="Site whose pages may use the service. Repeatable.", panel="Access")
@option("--allowed-host", multiple=True, help="Host name of the service. Repeatable.", panel="Access")
@option(
    "--proxy",
    metavar="ADDRESS",
    help="Addresses of trusted proxies, separated by commas, for X-Forwarded-For and -Proto.",
    panel="Access",
)
@options.settings(ServiceConfig, "config", "Limits", without=("workers",), panels=_FIELDS)
@option("--check", is_flag=True, help="Start, paint one picture over HTTP, and stop.", panel="Running")
@options.quiet
@options.json
def serve(
    host: str,
    port: int,
    workers: str,
    engine_hosts: Literal["local", "ray"],
    page: bool,
    api_key_file: Path | None,
    open_to_all: bool,
    cors_origin: tuple[str, ...],
    allowed_host: tuple[str, ...],
    proxy: str | None,
    config: ServiceConfig,
    check: bool,
    quiet: bool,
    json: bool,
) -> None:
    """Paint over HTTP, for programs: pictures, jobs, styles. The running service documents itself at /docs."""
    config = replace(config, workers=_read_workers(workers))
    host = host.strip("[]")  # URLs put IPv6 addresses in brackets
    need_extra("serve")
    threads()  # refuse an invalid IMPASTO_THREADS here, before each worker does
    access = _access(host, api_key_file, open_to_all, cors_origin, allowed_host, page)
    with listening(host, 0 if check else port) as place:
        from impasto.service.run import Front

        log_as_notes()
        say = None if quiet or check else _say_json if json else _say
        hosts, job_hosts = _hosts(engine_hosts, config)
        front = Front(hosts, job_hosts, config, access, say=say, proxies=proxy or "")
        url = address(host, place.getsockname()[1])
        if check:
            front.run(place, lambda: None, lambda: _paint_one(url.replace("localhost", "127.0.0.1")))
            return
        front.run(
            place,
            lambda: print(f"Impasto is at {addresses(host, place.getsockname()[1])}  (Ctrl-C ends it)", flush=True),
        )


def _read_workers(text: str) -> int:
    if text == "auto":
        return 0
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise UsageError(f"--workers {text} is not auto or 1..256", "--workers auto", code="out-of-range")
    return int(text)


def _access(
    host: str,
    api_key_file: Path | None,
    open_to_all: bool,
    cors_origin: tuple[str, ...],
    allowed_host: tuple[str, ...],
    page: bool,
) -> Access:
    from impasto.service.keys import Keyring
    from impasto.service.limits import Access, is_loopback
    from impasto.service.origins import check_origin

    if api_key_file and open_to_all:
        raise UsageError("--api-key-file and --open exclude each other", "leave one of them out", code="conflict")
    if not (is_loopback(host) or api_key_file or open_to_all):
        raise UsageError(
            f"other machines could paint without a key at {host or 'every address'}",
            "--api-key-file keys.txt, or --open to allow it",
            code="nothing-given",
        )
    keyring = Keyring(api_key_file) if api_key_file else None
    return Access(host, keyring, tuple(map(check_origin, cors_origin)), allowed_host, page)


def _hosts(where: Literal["local", "ray"], config: ServiceConfig) -> tuple[Hosts, Hosts]:
    """Return the hosts that paint pictures, and the hosts that run jobs."""
    if where == "ray":
        from impasto.service.ray_hosts import RayHosts

        jobs = RayHosts(
            config.job_workers, config.worker_megabytes, processors=0
        )  # they run beside the hosts that paint pictures
        return RayHosts(config.workers, config.worker_megabytes), jobs
    from impasto.service.pool import WorkerPool

    return WorkerPool(config.workers, config.worker_megabytes), WorkerPool(
        config.job_workers, config.worker_megabytes, nice=10
    )


def _say(record: dict[str, Any]) -> None:
    """Print one line for a request, to standard error."""
    more = "".join(f" {name}={record[name]}" for name in ("key", "megapixels") if name in record)
    line = "{time} {client} {method} {path} {status} {ms}ms {bytes}B".format(**record)
    print(one_line(line + more), file=sys.stderr, flush=True)


def _say_json(record: dict[str, Any]) -> None:
    print_json(record, sys.stderr)


def _paint_one(url: str) -> None:
    """Let the service paint one picture.

    Raises:
        ImpastoError: the service does not paint.
    """
    # The service is on this machine, so ignore proxies that the environment names.
    ask: Callable[..., Any] = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    photo = (ASSETS / "samples" / "colosseum.jpg").read_bytes()
    query = urllib.parse.urlencode({"style": "udnie", "engine": "light", "size": 256})
    request = urllib.request.Request(f"{url}/v1/stylize?{query}", photo, {"Content-Type": "image/jpeg"})  # noqa: S310
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            ask(f"{url}/readyz", timeout=5).close()
            with ask(request, timeout=_PATIENCE) as answer:
                print(f"the service paints ({len(answer.read())} bytes)")
            return
        except OSError as error:
            if time.monotonic() > deadline or getattr(error, "code", 503) != 503:
                message = f"the service does not paint: {error}"
                raise ImpastoError(message, "impasto doctor", code="server-failed") from None
        time.sleep(0.1)

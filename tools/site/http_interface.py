"""Write the site's page about the HTTP interface: the page that a running service shows at /docs."""

from __future__ import annotations

import re
from html import unescape
from types import SimpleNamespace
from typing import Any

from impasto.service.app import make_app
from impasto.service.config import ServiceConfig
from impasto.service.documentation import body
from impasto.service.service import Service

_ABOUT = """# HTTP

A running service shows this page at `/docs`, and the same for programs at `/openapi.json`
([the service](../guides/service.md)).

"""


def page() -> str:
    """Return the page as Markdown; its headings are Markdown, so that the table of contents has them."""
    nobody: Any = SimpleNamespace(shares_files=True, workers=1)  # nothing is painted here
    service = Service.of(nobody, ServiceConfig())
    service.jobs = nobody
    html = body(make_app(service).state.paths, "http://localhost:8080")
    html = re.sub(r'<a href="/.*?">(.*?)</a>', r"<code>\1</code>", html)  # a running service alone has them
    html = re.sub(r"<h2>(.*?)</h2>", r"\n\n## \1\n\n", html)
    html = re.sub(r'<h3 id="(.*?)">(.*?)</h3>', r"\n\n### \2 {#\1}\n\n", html)
    html = re.sub(r"<pre>(.*?)</pre>", lambda found: f"\n\n```sh\n{unescape(found[1])}\n```\n\n", html, flags=re.S)
    return _ABOUT + html

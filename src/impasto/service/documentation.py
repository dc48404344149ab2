"""`GET /docs`: describe the service on a page without scripts and without requests to other hosts."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from impasto.service import openapi, problems
from impasto.service.codes import MEANINGS
from impasto.service.service import Service
from impasto.version import __version__

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STYLE = """:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
code,pre{font:14px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
pre{background:#f4f1ec;padding:1rem;white-space:pre-wrap;border-radius:.4rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}
td,th{border-bottom:1px solid #ddd;padding:.35rem .6rem .35rem 0;text-align:left;vertical-align:top}
td:first-child{width:13rem}h2{margin-top:3rem;border-top:2px solid #b8431f;padding-top:.6rem}h3{margin:2.2rem 0 .3rem}
small{color:#666;display:block}a{color:#b8431f}p{max-width:45rem}
@media(prefers-color-scheme:dark){body{background:#181614;color:#e6e1da}pre{background:#262220}td,th{border-color:#444}
small{color:#a79f95}a{color:#e0764f}}
@media(max-width:40rem){body{margin-top:1rem}th{display:none}table,tbody,tr,td{display:block}
td,td:first-child{border:0;padding:0;width:auto}tr{border-bottom:1px solid #8886;padding:.5rem 0}}"""
_START = """curl -F image=@photo.jpg -F style=starry-night -F strength=80 {base}/v1/stylize -o out.jpg
curl -F image=@photo.jpg -F style=@painting.jpg -H 'Accept: image/webp' {base}/v1/stylize -o out.webp
curl -F image=@photo.jpg -F style=starry-night:0.6 -F style=great-wave:0.4 {base}/v1/stylize -o out.jpg
curl -F image=@photo.jpg -F style=udnie -F mask=@sky.png -F region_style=great-wave {base}/v1/stylize -o out.jpg
curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' '{base}/v1/stylize?style=udnie' -o out.jpg
curl -F image=@painted.png -F kind=painting -F scale=4 {base}/v1/enlarge -o poster.png"""
_LONGER = """curl -F image=@photo.jpg -F style=udnie -F engine=optimize {base}/v1/jobs
curl -N {base}/v1/jobs/ID/events
curl {base}/v1/jobs/ID/result -o out.jpg"""
_TYPES = {"boolean": "true or false", "integer": "whole number", "number": "number"}
_GROUPS = {
    "Pictures": ("/v1/stylize", "/v1/enlarge"),
    "Styles": ("/v1/styles",),
    "Jobs": ("/v1/jobs",),
    "OpenAI's clients": ("/v1/images", "/v1/models"),
    "Health": ("/healthz", "/readyz", "/metrics", "/v2"),
    "About": ("",),
}
"""The prefixes of the paths in each part of the page."""


def routes(_service: Service) -> list[Route]:
    return [Route("/docs", page, methods=["GET"])]


async def page(request: Request) -> Response:
    """Send the page."""
    base = f"{request.url.scheme}://{request.url.netloc}"
    return HTMLResponse(html(request.app.state.paths, base), headers={"Content-Security-Policy": _POLICY})


def html(paths: dict[str, Any], base: str) -> str:
    """Return the page about the routes of an OpenAPI document.

    Args:
        base: the service's address, for the examples.
    """
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Impasto {__version__}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style>'
        f"<h1>Impasto {__version__}</h1>{body(paths, base)}</html>"
    )


def body(paths: dict[str, Any], base: str) -> str:
    """Return the page without its head, for the project's site as well; arguments as for `html`."""
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {name: [] for name in _GROUPS}
    for path, item in paths.items():
        group = next(name for name, begins in _GROUPS.items() if path.startswith(begins))
        groups[group] += [(path, method, operation) for method, operation in item.items()]
    index = "".join(_row(f"<b>{name}</b>", "".join(_link(*one) for one in group)) for name, group in groups.items())
    operations = "".join(
        f"<h2>{name}</h2>" + "".join(_operation(*one) for one in group) for name, group in groups.items()
    )
    common = "".join(_row(status, escape(found["description"])) for status, found in openapi.problems().items())
    codes = "".join(
        f'<tr id="{code}"><td><code>{code}</code></td><td>{problems.STATUS.get(code, 422)}</td>'
        f"<td>{escape(meaning)}</td></tr>"
        for code, meaning in MEANINGS.items()
    )
    return (
        "<p>This service paints photographs in the style of any painting. Send a photo and the name of a style, or a "
        "painting of your own. The answer is the painted picture.</p>"
        f"<pre>{escape(_START.format(base=base))}</pre><p>Longer work, such as the optimizer, clips and folders, "
        f"is a job:</p><pre>{escape(_LONGER.format(base=base))}</pre>"
        '<p><a href="/v1/styles">/v1/styles</a> lists the styles. If this service wants a key, send '
        "<code>Authorization: Bearer KEY</code> or <code>X-API-Key: KEY</code> with each request. Programs read "
        '<a href="/openapi.json">/openapi.json</a>, which says the same as this page.</p>'
        f"<table>{index}</table>{operations}"
        "<h2>Errors</h2><p>Errors are problem details (RFC 9457), <code>application/problem+json</code>: "
        "<code>detail</code> says what is wrong, <code>hint</code> what to do about it, and <code>code</code> names "
        "the kind; codes stay from version to version. Any request may get one of these:</p>"
        f"<table><tr><th>Status</th><th>Meaning</th></tr>{common}</table>"
        f"<table><tr><th>Code</th><th>Status</th><th>What is wrong</th></tr>{codes}</table>"
    )


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _link(path: str, method: str, one: dict[str, Any]) -> str:
    name = f"{method.upper()} {escape(path)}"
    return f'<div><a href="#{one["operationId"]}"><code>{name}</code></a> {escape(one["summary"])}</div>'


def _operation(path: str, method: str, one: dict[str, Any]) -> str:
    rows = {item["name"]: (item["in"], item) for item in one.get("parameters", ())}
    for kind, content in one.get("requestBody", {}).get("content", {}).items():
        if "form" in kind:
            needed = content["schema"].get("required", ())
            for name, schema in content["schema"].get("properties", {}).items():
                rows.pop(name, None)  # the field belongs to the form, and may be in the query, too
                rows[name] = ("needed" if name in needed else "", {"schema": schema})
    table = "".join(_field(name, *found) for name, found in rows.items())
    common = openapi.problems()
    answers = "".join(
        _row(status, _text(found["description"]) + _told(found))
        for status, found in one["responses"].items()
        if status not in common
    )
    fields_table = f"<table><tr><th>Field</th><th>Values</th><th>Meaning</th></tr>{table}</table>" if table else ""
    name, summary = one["operationId"], escape(one["summary"])
    about = f"<p>{_text(one['description'])}</p>" if one.get("description") else ""
    return (
        f'<h3 id="{name}">{summary}</h3><code>{method.upper()} {escape(path)}</code>{about}{fields_table}'
        f"<table><tr><th>Answer</th><th>Meaning</th></tr>{answers}</table>"
    )


def _field(name: str, where: str, item: dict[str, Any]) -> str:
    schema = item["schema"]
    text = item.get("description") or schema.get("description", "")
    return _row(f"<code>{escape(name)}</code><small>{where}</small>", escape(_values(schema)), escape(text))


def _told(answer: dict[str, Any]) -> str:
    """Describe an answer that is not a problem, in small print."""
    parts = []
    for kind, content in answer.get("content", {}).items():
        if kind != problems.MEDIA_TYPE:
            keys = ", ".join(content.get("schema", {}).get("properties", ()))
            parts.append(f"{kind}: {keys}" if keys else kind)
    said = f"<small>{escape('; '.join(parts))}</small>" if parts else ""
    headers = ", ".join(answer.get("headers", ()))
    return said + (f"<small>Headers: {escape(headers)}</small>" if headers else "")


def _text(text: str) -> str:
    """Return a text in HTML. Names between backticks become code."""
    return re.sub(r"`(.+?)`", r"<code>\1</code>", escape(text))


def _values(schema: dict[str, Any]) -> str:
    """Describe a schema's values in a few words."""
    if "items" in schema:
        return f"several: {_values(schema['items'])}"
    if "anyOf" in schema:
        return " or ".join(_values(one) for one in schema["anyOf"])
    if schema.get("format") == "binary":
        return "file"
    if "enum" in schema:
        found = ", ".join(str(value) for value in schema["enum"])
    elif "minimum" in schema:
        most = schema.get("maximum")
        found = (
            f"{_shown(schema['minimum'])} or more" if most is None else f"{_shown(schema['minimum'])} to {_shown(most)}"
        )
    else:
        found = _TYPES.get(str(schema.get("type", "")), "text")
    return found + (f"; {_shown(schema['default'])} if not given" if "default" in schema else "")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,.12g}" if isinstance(value, (int, float)) else str(value)


def paths(_service: Service) -> dict[str, Any]:
    content = {"text/html": {"schema": {"type": "string"}}}
    operation = {
        "summary": "This page",
        "operationId": "docs",
        "security": [],
        "responses": {"200": {"description": "A page.", "content": content}} | openapi.problems(),
    }
    return {"/docs": {"get": operation}}

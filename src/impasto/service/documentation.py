"""`GET /docs`: what the service does, as a page that asks nobody else for anything and runs no script."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from impasto.service import openapi, problems
from impasto.service.service import Service
from impasto.version import __version__

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;
background:#fff}
code,pre{font:14px/1.5 ui-monospace,monospace}pre{background:#f4f1ec;padding:1rem;overflow-x:auto}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.3rem .6rem;text-align:left;
vertical-align:top}h2{margin-top:2.5rem}a{color:#b8431f}
@media(prefers-color-scheme:dark){body{background:#181614;color:#e6e1da}pre{background:#262220}td,th{border-color:#444}
a{color:#e0764f}}"""
_EXAMPLES = """curl -F image=@photo.jpg -F style=starry-night -F strength=80 {base}/v1/stylize -o out.jpg
curl -F image=@photo.jpg -F style=@painting.jpg -H 'Accept: image/webp' {base}/v1/stylize -o out.webp
curl -F image=@photo.jpg -F style=starry-night:0.6 -F style=great-wave:0.4 {base}/v1/stylize -o out.jpg
curl -F image=@photo.jpg -F style=udnie -F mask=@sky.png -F region_style=great-wave {base}/v1/stylize -o out.jpg
curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' '{base}/v1/stylize?style=udnie' -o out.jpg
curl -F image=@photo.jpg -F style=udnie -F engine=optimize {base}/v1/jobs
curl -F image=@photo.jpg -F prompt='Starry Night:0.7, great-wave:0.3' {base}/v1/images/edits
curl -H 'Authorization: Bearer KEY' {base}/v1/styles"""


def routes(_service: Service) -> list[Route]:
    return [Route("/docs", page, methods=["GET"])]


async def page(request: Request) -> Response:
    """Send the page."""
    base = f"{request.url.scheme}://{request.url.netloc}"
    return HTMLResponse(html(request.app.state.paths, base), headers={"Content-Security-Policy": _POLICY})


def html(paths: dict[str, Any], base: str) -> str:
    """The page about the routes of an OpenAPI document.

    Args:
        base: the service's address, for the examples.
    """
    operations = [(path, method, one) for path, item in paths.items() for method, one in item.items()]
    index = "".join(_index(*one) for one in operations)
    body = "".join(_operation(*one) for one in operations)
    codes = "".join(
        f'<tr id="{code}"><td><code>{code}</code><td>{problems.STATUS.get(code, 422)}<td>{escape(meaning)}</tr>'
        for code, meaning in problems.meanings().items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Impasto {__version__}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><h1>Impasto {__version__}</h1>'
        "<p>Paints photographs in the style of any painting. Programs read "
        '<a href="/openapi.json">/openapi.json</a>.</p>'
        f"<pre>{escape(_EXAMPLES.format(base=base))}</pre><ul>{index}</ul>{body}"
        "<h2>Errors</h2><p>Errors are problem details (RFC 9457) with a code that stays from version to version.</p>"
        f"<table><tr><th>Code<th>Status<th>What is wrong</tr>{codes}</table></html>"
    )


def _index(path: str, method: str, one: dict[str, Any]) -> str:
    return f'<li><a href="#{one["operationId"]}"><code>{method.upper()} {escape(path)}</code></a> {one["summary"]}</li>'


def _operation(path: str, method: str, one: dict[str, Any]) -> str:
    rows = [
        (item["name"], item["in"], item.get("schema", {}), item.get("description", ""))
        for item in one.get("parameters", ())
    ]
    for kind, content in one.get("requestBody", {}).get("content", {}).items():
        fields = content["schema"].get("properties", {})
        if "form" in kind:
            rows = [row for row in rows if row[0] not in fields]
            rows += [(name, "form", schema, schema.get("description", "")) for name, schema in fields.items()]
    table = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{where}<td>{escape(_values(schema))}<td>{escape(text)}</tr>"
        for name, where, schema, text in rows
    )
    answers = "".join(
        f"<tr><td>{status}<td>{escape(found['description'])}</tr>" for status, found in one["responses"].items()
    )
    fields_table = f"<table><tr><th>Field<th>In<th>Values<th>Meaning</tr>{table}</table>" if table else ""
    name, summary = one["operationId"], escape(one["summary"])
    return (
        f'<h2 id="{name}">{summary}</h2><p><code>{method.upper()} {escape(path)}</code></p>'
        f"<p>{escape(one.get('description', ''))}</p>{fields_table}"
        f"<table><tr><th>Status<th>Meaning</tr>{answers}</table>"
    )


def _values(schema: dict[str, Any]) -> str:
    """A schema's values in a few words."""
    if "items" in schema:
        return f"several: {_values(schema['items'])}"
    if "anyOf" in schema:
        return " or ".join(_values(one) for one in schema["anyOf"])
    if schema.get("format") == "binary":
        return "file"
    if "enum" in schema:
        found = ", ".join(str(value) for value in schema["enum"])
    elif "minimum" in schema:
        found = f"{schema['minimum']:g} to {schema.get('maximum', float('inf')):g}"
    else:
        found = str(schema.get("type", ""))
    return found + (f" ({json.dumps(schema['default'])})" if "default" in schema else "")


def paths(_service: Service) -> dict[str, Any]:
    content = {"text/html": {"schema": {"type": "string"}}}
    operation = {
        "summary": "This page",
        "operationId": "docs",
        "security": [],
        "responses": {"200": {"description": "A page.", "content": content}} | openapi.problems(),
    }
    return {"/docs": {"get": operation}}

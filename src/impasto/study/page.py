"""Build the observers' page: all its files in one, with the study's data. It loads nothing from other hosts."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from pathlib import Path

from impasto.study.pictures import picture_file
from impasto.study.plan import Plan
from impasto.study.trials import fixed_orders

FILES = Path(__file__).with_name("page")
ORDERS = 24
"""Number of sessions in the page that works without a server."""
_IMPORT = re.compile(r'^import .* from "\./(.+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def served_page(plan: Plan) -> tuple[str, str]:
    """Return the page that gets its trials from a server, and its Content-Security-Policy."""
    return _page({**_head(plan), "served": True, "pictures": _pictures(plan)})


def single_file(plan: Plan, folder: Path) -> str:
    """Return the page with all pictures and sessions in it, for static hosts or to open as a file.

    Args:
        folder: of the study.
    """
    orders = fixed_orders(plan, ORDERS)
    pictures = _pictures(plan)
    for name, picture in pictures.items():
        data = base64.b64encode(picture_file(folder, name).read_bytes()).decode()
        picture["data"] = f"data:image/webp;base64,{data}"
    shown = [[plan.as_pictures(trial) for trial in order] for order in orders]
    text, policy = _page({**_head(plan), "served": False, "pictures": pictures, "orders": shown})
    meta = f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return text.replace('<meta charset="utf-8">', meta, 1)


def _pictures(plan: Plan) -> dict[str, dict[str, int | str]]:
    """Return pictures and sizes, sorted by name. The original order would reveal the conditions."""
    return {name: {"width": width, "height": height} for name, (width, height) in sorted(plan.pictures.items())}


def _head(plan: Plan) -> dict[str, object]:
    texts = {name: getattr(plan, name) for name in ("study", "title", "welcome", "consent", "mail", "trials")}
    return texts | {"questions": [{"name": one.name, "text": one.text} for one in plan.questions]}


def _page(plan: dict[str, object]) -> tuple[str, str]:
    script, style = _script(), (FILES / "page.css").read_text(encoding="utf-8")
    data = json.dumps(plan, ensure_ascii=False).replace("<", "\\u003c")
    text = (FILES / "page.html").read_text(encoding="utf-8")
    for line, whole in (
        ('<link rel="stylesheet" href="page.css">', f"<style>{style}</style>"),
        ('<script type="module" src="main.js"></script>', f'<script type="module">{script}</script>'),
        (
            '<script type="application/json" id="plan">{}</script>',
            f'<script type="application/json" id="plan">{data}</script>',
        ),
    ):
        text = text.replace(line, whole, 1)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
    return text, policy


@functools.cache
def _script() -> str:
    """Return all modules as one script, in the order of their imports. Their top-level names are unique."""
    found: dict[str, str] = {}

    def visit(name: str) -> None:
        if name not in found:
            text = (FILES / name).read_text(encoding="utf-8")
            for other in _IMPORT.findall(text):
                visit(other)
            found[name] = _EXPORT.sub("", _IMPORT.sub("", text))

    visit("main.js")
    return "\n".join(found.values())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

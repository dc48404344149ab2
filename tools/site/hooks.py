"""Add pages from outside docs/ to the site: files of the repository, the command line, HTTP; and formulas as MathML."""

from __future__ import annotations

import posixpath
import re
import sys
from html import unescape
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
import command_line
import http_interface

ROOT = Path(__file__).resolve().parents[2]
CARDS = sorted(path.parent.name for path in ROOT.glob("src/impasto/assets/*/CARD.md"))
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "RELEASING.md": "releasing.md",
    "SECURITY.md": "security.md",
    **{f"src/impasto/assets/{name}/CARD.md": f"models/{name}.md" for name in CARDS},
}
"""Files of the repository that are also pages of the site: {path in the repository: path on the site}."""
_SOURCES = {page: source for source, page in PAGES.items()}
_LINK = re.compile(r"^ *(`{3,}).*?^ *\1 *$|(\]\()([^)\s]+)(\))", re.M | re.S)  # or a fenced block, to be passed over
_FORMULA = re.compile(r'<(span|div) class="arithmatex">(?:\\\((.*?)\\\)|\\\[(.*?)\\\])</\1>', re.S)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    files.append(File.generated(config, "reference/cli.md", content=command_line.page()))
    files.append(File.generated(config, "reference/http.md", content=http_interface.page()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Point links to files outside docs/ at their pages or the repository, and let the search find decisions last."""
    here = page.file.src_uri
    if here.startswith("decisions/"):
        page.meta["search"] = {"boost": 0.2}  # whoever searches wants a guide first
    source = _SOURCES.get(here, f"docs/{here}")

    def there(match: re.Match[str]) -> str:
        link, mark, anchor = (match[3] or "").partition("#")
        if not link or re.match(r"[a-z]+:", link):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        target = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else "")
        if target:
            return match[2] + posixpath.relpath(target, posixpath.dirname(here) or ".") + mark + anchor + match[4]
        if not (ROOT / path).exists():
            return match[0]  # the build reports it
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{match[2]}{config.extra['repository']}/{kind}/main/{path}{mark}{anchor}{match[4]}"

    return _LINK.sub(there, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Turn formulas into MathML, which browsers show without a script."""

    def formula(match: re.Match[str]) -> str:
        inline, block = match[2], match[3]
        text = unescape(inline if inline is not None else block).strip()
        return convert(text, display="inline" if inline is not None else "block")

    return _FORMULA.sub(formula, html)

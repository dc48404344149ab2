"""The site builds without a warning, has all that is linked to, and asks no other host for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from helpers import ROOT
from hosts import Host

pytest.importorskip("mkdocs")
VISITED = ["index", "gallery", "quickstart", "guides/photo", "concepts/optimization", "reference/http"]
LOADED = {"link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src", "video": "src"}


class Found(HTMLParser):
    """What a page holds: ids, links, what it loads, and its text outside code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in LOADED and LOADED[tag] in values and values.get("rel") != "canonical":
            self.loaded.append(values[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`make docs`, into another folder; a warning is an error there."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def found(site: Path) -> dict[Path, Found]:
    return {path.resolve(): Found(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_links_lead_somewhere(found: dict[Path, Found]) -> None:
    """Also those of generated pages, and to places within pages."""
    broken = []
    for path, page in found.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (parts.fragment and unquote(parts.fragment) not in found[target].ids):
                broken.append(f"{path.name}: {link}")
    assert not broken
    assert sum(len(page.links) for page in found.values()) > 1000


def test_links_to_the_repository_name_what_is_there(found: dict[Path, Found]) -> None:
    inside = re.compile(r"https://github\.com/impasto-painting/impasto/(?:blob|tree)/main/([^#]+)")
    named = {match[1] for page in found.values() for link in page.links if (match := inside.match(link))}
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_nothing_is_loaded_from_elsewhere(site: Path, found: dict[Path, Found]) -> None:
    for path, page in found.items():
        for address in page.loaded:
            assert not urlsplit(address).netloc, f"{path.name}: {address}"
            assert path.name == "404.html" or (path.parent / unquote(urlsplit(address).path)).exists(), address
    for path in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", path.read_text(encoding="utf-8")), path.name


def test_formulas_need_no_script(site: Path) -> None:
    concepts = "".join(path.read_text(encoding="utf-8") for path in (site / "concepts").glob("*.html"))
    assert concepts.count("<math") > 50
    assert "arithmatex" not in concepts
    assert "<merror" not in concepts
    assert not re.search(r"<mi>\\", concepts)  # a command that was not understood


def test_reference_has_every_verb_path_and_public_name(site: Path) -> None:
    import impasto
    from impasto.cli.main import VERBS

    reference = {path.stem: path.read_text(encoding="utf-8") for path in (site / "reference").glob("*.html")}
    assert [verb for verb in VERBS if f'id="impasto-{verb}"' not in reference["cli"]] == []
    assert all(path in reference["http"] for path in ("/v1/stylize", "/v1/jobs", "/v1/enlarge", "/healthz"))
    public = {*impasto.__all__} - {"__version__"}
    assert [name for name in public if f'id="impasto.{name}"' not in reference["python"]] == []


def test_gallery_shows_every_built_in_style(site: Path) -> None:
    import impasto

    gallery = (site / "gallery.html").read_text(encoding="utf-8")
    for entry in impasto.Gallery().entries():
        assert gallery.count(f"/{entry.name}.webp") == 4, entry.name


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    with Host(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.url.rstrip("/")
        server.shutdown()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_the_screen_and_ask_nobody(browser: Any, address: str, scheme: Any, width: int) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844})
    page, asked, wrong = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    for path in VISITED:
        page.goto(f"{address}/{path}.html")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (path, width)
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert not wrong
    context.close()


def test_figures_work(browser: Any, address: str, site: Path) -> None:
    """Every figure replaces its picture by controls, and changing one changes what is seen."""
    page, wrong, figures = browser.new_page(), [], 0
    page.on("pageerror", lambda error: wrong.append(str(error)))
    for path in sorted((site / "concepts").glob("*.html")):
        names = re.findall(r'data-figure="(\w+)"', path.read_text(encoding="utf-8"))
        if names:
            page.goto(f"{address}/concepts/{path.name}")
        for name in names:
            figure = page.locator(f'[data-figure="{name}"]')
            figure.scroll_into_view_if_needed()
            control = figure.locator("input, select, button, [tabindex='0']").first
            control.wait_for()
            before = figure.screenshot()
            control.focus()
            page.keyboard.press("Enter" if control.evaluate("found => found.tagName") == "BUTTON" else "ArrowLeft")
            page.wait_for_timeout(300)
            assert figure.screenshot() != before, name
            figures += 1
    assert figures >= 5
    assert not wrong
    page.close()


def test_search_finds_a_control(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/index.html")
    page.locator("input[name=query]").press_sequentially("brush size")  # the page listens to keys, not to changes
    page.wait_for_selector(".md-search-result__item")
    assert "brush" in page.inner_text(".md-search-result__list").lower()
    page.close()


def test_pages_on_disk_ask_nobody(browser: Any, site: Path) -> None:
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    for path in VISITED:
        page.goto((site / f"{path}.html").as_uri())
        page.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.close()

"""The studio in a Streamlit page, in a real browser: with a module that stands in for it, and with itself."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT

pytest.importorskip("streamlit")
pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from streamlit_server import shown

STAND_IN = """
customElements.define("impasto-studio", class extends HTMLElement {
  connectedCallback() {
    const button = document.createElement("button");
    button.textContent = "Export from " + this.getAttribute("server");
    let times = 0;
    button.onclick = () => {
      times += 1;
      const detail = { name: `painted-${times}.jpg`, settings: { strength: 80 } };
      this.dispatchEvent(new CustomEvent("impasto-export", { detail, bubbles: true, composed: true }));
    };
    this.attachShadow({ mode: "open" }).append(button);
  }
});
"""
PAGE = """
import impasto.streamlit
import streamlit as st

exported = impasto.streamlit.studio({arguments})
st.write("exported:", exported["name"] if exported else "nothing", exported["settings"]["strength"] if exported else "")
st.button("Again")
runs = st.session_state.runs = st.session_state.get("runs", 0) + 1
st.write(f"run {{runs}}")
"""


class _Files(http.server.SimpleHTTPRequestHandler):
    """Lets every page in, as `impasto app --cors-origin` lets in some."""

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[str]:
    """The address of a server that has a module in the studio's place."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "studio.js").write_text(STAND_IN)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=tmp_path / "files")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def page_with(folder: Path, arguments: str) -> Path:
    script = folder / "page.py"
    script.write_text(PAGE.format(arguments=arguments))
    return script


def test_it_is_put_into_the_page_and_tells_what_is_exported(page: Any, stand_in: str, tmp_path: Path) -> None:
    with shown(page_with(tmp_path, f"{stand_in!r}, height=500, key='mine'")) as url:
        page.goto(url)
        page.get_by_text("exported: nothing").wait_for()
        studio = page.locator("impasto-studio")
        assert studio.get_attribute("server") == stand_in
        assert studio.bounding_box()["height"] == 500
        button = page.get_by_role("button", name=f"Export from {stand_in}")
        for times in (1, 2):
            button.click()
            page.get_by_text(f"exported: painted-{times}.jpg 80").wait_for()
            page.get_by_text(f"run {times + 1}").wait_for()
        # The same element goes on living, and what was exported stays, when the script runs for another reason.
        studio.evaluate("element => { element.marked = true; }")
        page.get_by_role("button", name="Again").click()
        page.get_by_text("run 4").wait_for()
        page.get_by_text("exported: painted-2.jpg 80").wait_for()
        assert page.locator("impasto-studio").evaluate("element => element.marked")
        button.click()
        page.get_by_text("exported: painted-3.jpg 80").wait_for()
        page.get_by_text("run 5").wait_for()  # it was told once, not once for each run before


def test_a_server_that_does_not_answer_is_named(page: Any, tmp_path: Path) -> None:
    with shown(page_with(tmp_path, "'http://127.0.0.1:9'")) as url:
        page.goto(url)
        alert = page.get_by_role("alert").filter(has_text="http://127.0.0.1:9")
        alert.wait_for()
        assert "cannot be loaded" in alert.text_content()
        page.get_by_text("exported: nothing").wait_for()  # the rest of the page lives


def test_visitors_who_do_not_reach_this_machine_are_told_in_a_line(page: Any, tmp_path: Path) -> None:
    with shown(page_with(tmp_path, "")) as url:
        page.goto(url.replace("127.0.0.1", "page.localhost"))
        page.get_by_text("cannot reach the studio's server").wait_for()
        page.get_by_text("exported: nothing").wait_for()
        assert page.locator("impasto-studio").count() == 0


@pytest.mark.skipif(not (ROOT / "src/impasto/studio/studio.js").exists(), reason="there is no studio yet")
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_studio_itself_is_served_beside_the_page(page: Any, tmp_path: Path, name: str) -> None:
    failed: list[str] = []

    def note(gone: Any) -> None:
        previews = "/v1/uploads/" in gone.url  # the studio itself aborts one when the look changes meanwhile
        if not (previews and gone.failure == "net::ERR_ABORTED"):
            failed.append(f"{gone.url} {gone.failure}")

    page.on("requestfailed", note)
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.on("pageerror", lambda error: failed.append(str(error)))
    with shown(page_with(tmp_path, "")) as url:
        page.goto(url.replace("127.0.0.1", name))
        studio = page.locator("impasto-studio")
        studio.wait_for()
        assert studio.get_attribute("server").startswith(f"http://{name}:")
        studio.locator("canvas").first.wait_for()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=tmp_path / "shown.png")
        assert not failed

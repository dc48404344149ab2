"""The studio as a component for any Streamlit page.

This page shows the studio, with `streamlit run page.py`:

    import impasto.streamlit

    impasto.streamlit.studio()
"""

from __future__ import annotations

from impasto.errors import MissingExtra

try:
    from impasto.streamlit.mount import studio as studio
except ModuleNotFoundError as error:
    if error.name != "streamlit":
        raise
    raise MissingExtra("Streamlit, which impasto.streamlit needs,", "streamlit") from None

__all__ = ["studio"]

"""The studio in anybody's Streamlit page.

A page of three lines; `streamlit run page.py` shows it:

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

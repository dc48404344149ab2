"""Picture files. No other room of the package knows file formats."""

from impasto.picture.picture import Picture, Source

__all__ = ["Picture", "Source"]

"""Picture files. No other room knows formats."""

from impasto.picture.picture import Picture, Source

__all__ = ["Picture", "Source"]

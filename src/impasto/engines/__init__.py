"""Engines: they paint a photo with a style vector."""

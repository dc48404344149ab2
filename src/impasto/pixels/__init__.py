"""Arithmetic on arrays. This room knows no files and no networks."""

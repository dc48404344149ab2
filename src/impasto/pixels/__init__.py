"""Arithmetic on arrays. No file and no network is known here."""

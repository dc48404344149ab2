"""Styles: names, files and paintings that --style accepts."""

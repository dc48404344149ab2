"""Plug-ins for other programs: which there are, where they go, and how they are installed."""

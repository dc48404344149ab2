"""Plug-ins for other programs, their folders, and their installation."""

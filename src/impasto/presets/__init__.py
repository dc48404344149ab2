"""Saved settings: presets, and the settings in a painted picture's metadata."""

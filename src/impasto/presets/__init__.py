"""Settings that are kept: presets, and what a saved picture says of how it was made."""

"""Quality, speed and memory, measured: `impasto evaluate` and `impasto bench`."""

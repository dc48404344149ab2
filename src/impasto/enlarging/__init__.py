"""Super-resolution: pictures made larger by networks, tile by tile."""

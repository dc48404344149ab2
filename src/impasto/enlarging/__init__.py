"""Super-resolution: networks enlarge pictures, tile by tile."""

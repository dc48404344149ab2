"""Long work: asked for in one request, done when there is room, fetched in another."""

"""Jobs: long work that is requested in one request, done when there is room, and fetched in another request."""

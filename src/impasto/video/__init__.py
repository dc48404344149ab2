"""Video in and out, and painting it without flicker."""

"""Read and write video, and paint it without flicker."""

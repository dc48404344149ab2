"""Many photos: plan which file becomes which, remember what is done, paint in threads or on a Ray cluster."""

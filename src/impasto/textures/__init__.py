"""Paint the textures of 3-D models without seams."""

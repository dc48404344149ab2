"""The textures of 3-D models, painted without seams."""

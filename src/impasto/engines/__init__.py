"""What paints: a photo and a style vector to a picture."""

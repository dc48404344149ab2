"""The slow engine: optimize a picture until a network sees the photo's content and the painting's style in it."""

"""The slow engine: a picture optimized until a network sees the photo's content and the painting's style in it."""

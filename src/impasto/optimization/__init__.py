"""The slow engine: a picture optimised until a network sees the photo's content and the painting's style in it."""

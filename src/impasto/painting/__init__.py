"""Paint a photo: styles, regions, brush and strength in one composition."""

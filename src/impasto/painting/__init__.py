"""A photo, painted: styles, regions, brush and strength in one composition."""

"""Training of style networks and style vectors."""

"""Uploads: files that clients send once and preview often."""

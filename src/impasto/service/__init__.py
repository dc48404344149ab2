"""The HTTP service, for one machine or for many."""

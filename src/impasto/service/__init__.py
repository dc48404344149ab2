"""The service: painting over HTTP, for one machine and for many."""

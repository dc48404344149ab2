"""Ask people which of two results they prefer, and say what the answers show."""

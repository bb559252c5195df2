"""A new version against the one in production, and what is written of it."""

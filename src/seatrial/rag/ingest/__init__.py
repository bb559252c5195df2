"""Brings an index up to date with its sources: only what changed is read, embedded and written."""

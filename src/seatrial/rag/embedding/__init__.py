"""The port of embedders, and what wraps it: batches by length, a cache by content."""

"""Durable steps: work that outlives its process, as facts in the store."""

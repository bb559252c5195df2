"""Runs of training: what is recorded of each, what may come of it, and who keeps it."""

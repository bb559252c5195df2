"""Registered models that are followed: what counts as an event, and what came of each."""

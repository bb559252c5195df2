"""Registries that are followed, and what follows when a version arrives."""

"""Embedders: those that run here and what they are built from, and hosted ones."""

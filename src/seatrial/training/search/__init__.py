"""Searches for hyperparameters: what may be tried, and what tries it."""

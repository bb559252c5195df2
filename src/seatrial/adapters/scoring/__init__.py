"""Batch scoring: pieces of files, scorers, and their answers in order."""

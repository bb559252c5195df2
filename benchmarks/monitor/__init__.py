"""Benchmarks of the watch."""

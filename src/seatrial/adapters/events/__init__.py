"""Brokers of events."""

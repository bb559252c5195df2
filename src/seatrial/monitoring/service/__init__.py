"""Latency, errors, traffic and saturation against their levels."""

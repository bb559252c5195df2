"""Fakes, and one conformance suite per port, for users and for us."""

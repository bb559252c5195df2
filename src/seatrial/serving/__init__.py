"""Predictions: the data plane, engines, batching and what is recorded of it."""

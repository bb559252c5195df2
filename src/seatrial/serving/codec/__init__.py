"""Protocols of prediction, pure: bytes to batches and predictions to bytes."""

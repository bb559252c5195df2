"""The way to a new version: runs of trainings, searches, and evaluation against production."""

from seatrial.training.reporting import report

__all__ = ["report"]

"""A retraining as a program for another orchestrator: what is exported, and the texts."""

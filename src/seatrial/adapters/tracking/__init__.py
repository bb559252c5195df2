"""Trackers of runs, and MLflow's registry."""

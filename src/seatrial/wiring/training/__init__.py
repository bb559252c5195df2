"""Trainings: recipes, runs, searches, training sets, trackers."""

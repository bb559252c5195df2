"""The way back to a new version: what is learned from data, and whether it is an improvement."""

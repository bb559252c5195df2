"""Registries of prompts."""

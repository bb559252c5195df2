"""Prompts as data: versioned templates with typed variables, and what a variant of one is."""

"""Tokens: how many there are, and how many fit."""

"""Prompts as versions of an endpoint, in a server and in a program."""

"""Providers of language models, and what the gateway keeps and counts for them."""

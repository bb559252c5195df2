"""Answers that parse: JSON read as models write it, held against a schema, asked for again."""

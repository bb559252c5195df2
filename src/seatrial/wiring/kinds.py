"""The kinds of endpoints that are no models, and of the documents that their versions are."""

PROMPT = "prompt"
INDEX = "index"

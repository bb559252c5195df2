"""The pages of docs/reference that come out of the code; `docs/generate.py` writes them."""

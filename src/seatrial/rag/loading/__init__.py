"""From files to documents: formats, encodings, folders, and what is skipped with its reason."""

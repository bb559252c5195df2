"""What an index keeps and how it is asked: chunks, conditions, vectors, versions."""

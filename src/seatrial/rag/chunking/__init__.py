"""From documents to chunks: spans of the text, with their parents and sizes in tokens."""

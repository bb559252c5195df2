"""Whether a sentence is supported by passages, with the span and the reason."""

"""Questions answered from documents: every sentence cites what supports it, or is withheld."""

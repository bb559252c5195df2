"""Documents as text: what a document is, its languages, its sentences and its words."""

"""The routes of questions: search an index, and ask it."""

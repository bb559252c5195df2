"""Which questions are taken for others, and how many of them rightly."""

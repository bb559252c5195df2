"""How the watch judges, and what it costs."""

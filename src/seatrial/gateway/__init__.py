"""LLM calls that parse, survive and stay in budget."""

"""The routes of OpenAI and Anthropic, for their own clients."""

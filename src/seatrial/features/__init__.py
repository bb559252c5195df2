"""Features: what a feature repository holds, looked up online and joined as of a time offline."""

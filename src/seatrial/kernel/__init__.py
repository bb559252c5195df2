"""Small things everything stands on: errors, clock, facts, the store's ports, configuration."""

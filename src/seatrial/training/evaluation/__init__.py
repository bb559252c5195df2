"""A new version beside the one in production, over the same rows: measures, rules, a decision."""

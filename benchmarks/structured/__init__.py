"""How many bad answers are put right, and what a structured answer costs."""

"""Online stores of features, Feast's above all, and what was looked up."""

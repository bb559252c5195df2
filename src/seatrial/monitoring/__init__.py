"""What production looks like now, beside what it looked like when the model was made."""

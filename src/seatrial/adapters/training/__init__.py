"""Training in a process of its own, and the search for hyperparameters."""

"""Mathematics on numpy arrays: sequential tests, comparisons, sketches."""

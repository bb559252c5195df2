"""How well a model does: estimated without labels, measured with them."""

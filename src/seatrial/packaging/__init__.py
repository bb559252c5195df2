"""From a model file to a bundle, its files and its staging report."""

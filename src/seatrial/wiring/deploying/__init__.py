"""From a model file to a version that is released: packaged, staged, written, shipped."""

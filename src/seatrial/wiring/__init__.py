"""The composition root: the only place that names a concrete adapter."""

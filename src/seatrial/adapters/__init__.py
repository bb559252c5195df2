"""One module per technology, by subject; the only place that imports a vendor's client."""

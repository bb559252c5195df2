"""One file per technology; the only place that imports a vendor's client."""

"""Models by name: what answers them, who may ask, and the library's one face of all of it."""

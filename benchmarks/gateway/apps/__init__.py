"""What runs inside an environment of its own: the scripted upstream, the floors, the libraries."""

"""What runs inside an environment of its own: libraries that cut texts."""

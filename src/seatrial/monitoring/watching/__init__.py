"""The monitors: they read rows, keep reports and tell what they found."""

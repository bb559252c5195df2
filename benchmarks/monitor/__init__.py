"""What the watch costs."""

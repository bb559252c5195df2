"""From findings to messages: the life of an alert, and the ways it reaches a person."""

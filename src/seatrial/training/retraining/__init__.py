"""When a model is trained anew, on what, and what is asked of the rows."""

"""Tables of rows, wherever they come from, and the windows they are read in."""

"""The only place that imports the web framework: doors, control routes, console."""

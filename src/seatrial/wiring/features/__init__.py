"""Features of a workspace: commands, lookups while serving, and their desk."""

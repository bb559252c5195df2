"""Programs that run inside a server's own environment; nothing here imports the harness."""

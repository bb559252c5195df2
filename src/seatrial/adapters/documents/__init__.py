"""Files of documents, parsed in child processes: one module per format."""

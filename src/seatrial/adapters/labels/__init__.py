"""Labels and outcomes: files of them, and where they wait."""

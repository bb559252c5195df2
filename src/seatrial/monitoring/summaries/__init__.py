"""What is kept of rows: profiles of a reference and summaries that add up."""

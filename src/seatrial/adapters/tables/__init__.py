"""Tables of rows, wherever they lie, and Parquet in and out."""

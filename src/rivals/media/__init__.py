"""What people look at: pictures, grids of them, and their animation."""

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz", ".parquet", ".pq")
"""How the name of a file ends that `media.table` reads; here, so that the command line knows it without pandas."""

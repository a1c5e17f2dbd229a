"""What the benchmark of ingest needs: a dictionary, satellites that fill it, a station, workers."""

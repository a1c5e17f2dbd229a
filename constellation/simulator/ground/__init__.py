"""Ground stations: antennas that carry frames while geometry allows."""

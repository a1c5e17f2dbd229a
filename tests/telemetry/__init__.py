from pathlib import Path

REFERENCE = Path(__file__).parents[1] / "reference"
"""Truth from elsewhere: each folder holds data, its source and its licence."""

"""Conduct keeps its lease in the contact's own row; it has no tables."""

"""Space packets: their headers, counts and what is done with them. Pure but for the registry."""

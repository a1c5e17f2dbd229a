"""What is on board of a satellite."""

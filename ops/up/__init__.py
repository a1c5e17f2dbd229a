"""Zenith's own servers and processes on one machine, under one roof and one Ctrl-C."""

"""Paths through the contact plan: pure, no Django and no clock."""

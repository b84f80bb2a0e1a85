"""Readers that keep an account of what they were sent."""

"""Disturb one of several venues at a time, and check that every book of the others stays live."""

"""Connections to a single Redis, to Sentinels, or to a cluster."""

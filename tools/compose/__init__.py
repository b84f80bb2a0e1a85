"""The compose file under load, with containers scaled, stopped, killed and restarted."""

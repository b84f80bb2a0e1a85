"""Scale, stop, kill and restart the containers of the compose file under load."""

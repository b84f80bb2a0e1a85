"""The HTTP server of every process: protocol, connections, server, metrics."""

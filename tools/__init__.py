"""Programs for maintainers: chaos, soak, the compose story, pictures."""

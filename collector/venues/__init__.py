"""One package a venue: what its protocol has of its own."""

"""Kill a recorder at random while it records faults, then prove and replay its files."""

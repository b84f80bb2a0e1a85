"""Run the services under load with a fault every second, and account for every update."""

"""What is on disk: clips and their parameters."""

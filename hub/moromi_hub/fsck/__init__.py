"""Whether the tree of builds holds what the rows promise, and nothing else."""

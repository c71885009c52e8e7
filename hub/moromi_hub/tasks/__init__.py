"""Tasks: their life, their tree, their output."""

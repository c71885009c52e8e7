"""Build targets."""

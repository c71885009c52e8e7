"""The builder daemon."""

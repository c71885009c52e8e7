"""The `moromi` command."""

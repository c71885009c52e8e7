"""The background process of the hub."""

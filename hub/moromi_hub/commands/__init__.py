"""The commands of `moromi-hub`."""

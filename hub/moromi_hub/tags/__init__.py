"""Tags: configuration, extra data, inheritance."""

"""Builders and channels: what they are, what they say of themselves."""

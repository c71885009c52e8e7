"""The client side of the historic Copr API."""

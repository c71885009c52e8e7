"""External repositories and the tags that use them."""

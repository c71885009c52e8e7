"""Package groups of tags (comps)."""

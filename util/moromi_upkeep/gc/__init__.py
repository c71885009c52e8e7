"""`moromi-gc`: builds that nobody needs leave their tags, go into a trashcan, and are deleted in the end."""

"""`moromi-repod`: repositories that nobody needs expire and go; the hub is reminded of what is due."""

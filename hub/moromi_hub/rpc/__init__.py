"""From an HTTP request to a call and back."""

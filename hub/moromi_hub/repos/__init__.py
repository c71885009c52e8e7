"""Build repositories: their rows, states, requests, and what is on disk (data-model.md section 11)."""

"""Builds: entries, their states and what belongs to them (spec: data-model.md section 5)."""

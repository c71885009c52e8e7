"""Buildroots and what was in them (spec: data-model.md section 6.4)."""

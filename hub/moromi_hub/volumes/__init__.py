"""Volumes: where on disk builds are (spec: data-model.md section 5.8)."""

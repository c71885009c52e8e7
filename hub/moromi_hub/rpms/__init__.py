"""The rpms of builds and their contents (spec: data-model.md section 6.1)."""

"""How files and builds come into the system (spec: data-model.md section 7)."""

"""Files of builds that are not rpms (spec: data-model.md section 6.3)."""

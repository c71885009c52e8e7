"""Signatures and checksums of rpms (spec: data-model.md section 6.2)."""

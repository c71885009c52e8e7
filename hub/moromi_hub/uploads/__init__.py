"""Files that callers send: the work area of a volume (spec: hub-protocol.md section 3)."""

"""Which builds are in which tag (spec: data-model.md sections 4.6 and 4.7)."""

"""Task handlers, one module per method or family of methods; `moromi_builder.handlers` loads them all."""

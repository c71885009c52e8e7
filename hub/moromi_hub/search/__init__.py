"""Finding things by a part of their names."""

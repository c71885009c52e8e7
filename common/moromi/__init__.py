"""What every side of Moromi shares."""

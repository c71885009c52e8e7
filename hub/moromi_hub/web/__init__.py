"""What browsers see: pages and the file tree."""

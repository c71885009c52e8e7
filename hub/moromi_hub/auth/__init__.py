"""Who is calling: sessions, passwords, and what callers may do."""

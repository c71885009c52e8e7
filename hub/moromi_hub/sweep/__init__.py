"""Clearing up: rows and uploads that nobody needs any more (spec: builder.md section 7.3)."""

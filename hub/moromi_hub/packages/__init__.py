"""Packages and the lists of packages that tags accept."""

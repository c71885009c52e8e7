"""Policies: the rules of the site, applied to what a call knows."""

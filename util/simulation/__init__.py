"""A fleet of builders without chroots: what the benchmark of the hub under many builders is made of."""

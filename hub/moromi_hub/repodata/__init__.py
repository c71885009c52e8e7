"""The metadata of rpms, kept from the moment of import, and repositories put together from it."""

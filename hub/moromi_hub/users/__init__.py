"""Users, user groups, permissions, principals and access to content generators."""

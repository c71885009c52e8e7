"""Who wants mail about which builds."""

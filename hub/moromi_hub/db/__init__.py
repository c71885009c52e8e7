"""The database seen from the hub: engine, transactions, versioned rows, query options."""

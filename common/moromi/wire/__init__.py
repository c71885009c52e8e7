"""How calls and answers are written: XML-RPC, JSON-RPC, named arguments, long listings."""

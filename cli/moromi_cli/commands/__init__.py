"""The commands, a module a group; `moromi_cli.table` says which is where."""

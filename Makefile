# Thin names for the programs in util/, which do the work and need no make.
.DEFAULT_GOAL := help
.PHONY: help lint test quickstart stop

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

lint: ## ruff and mypy
	@util/test lint

test: ## lint and all tests; SUITES="unit hub" for some
	@util/test $(SUITES)

quickstart: ## a whole build system on this machine
	@util/quickstart

stop: ## end what quickstart started
	@util/quickstart --stop

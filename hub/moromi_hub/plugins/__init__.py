"""Plugins of the hub: what they add, how they are loaded, and the bridge to those written for Koji.

The module that plugins themselves import is `moromi_hub.plugin_api`.
"""

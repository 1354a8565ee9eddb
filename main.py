"""Starts the server: the same as ``python -m callscribe serve``."""

from callscribe.__main__ import main

main("serve")

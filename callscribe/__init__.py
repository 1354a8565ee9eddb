"""Callscribe writes down live phone calls while they are spoken."""

__version__ = "0.1.0"

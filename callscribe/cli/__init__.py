"""The command line: one file per command. May import everything below ``web``, and ``web``."""

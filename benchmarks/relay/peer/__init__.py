"""Peers as gateways: programs for environments of their own, which know nothing of Callscribe."""

"""The agents wing: steps that act on finals."""

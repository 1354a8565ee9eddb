"""The telephone: calls come from Twilio, each of their tracks is a leg."""

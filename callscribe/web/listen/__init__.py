"""Callscribe as a server of Deepgram's ``/v1/listen``: any client of theirs can point here."""

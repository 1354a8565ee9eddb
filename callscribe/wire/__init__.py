"""Pure codecs: messages to text and back, both directions, never a socket."""

"""The demo: a made-up call, played through a real server and measured."""

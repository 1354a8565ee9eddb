"""The web wing: pages, HTTP API and sockets. ``create_app`` and ``server.run`` are its doors."""

"""The routes, a module for each protocol: HTTP in, HTTP out."""

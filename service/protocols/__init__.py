"""The protocols in which clients ask, each a blueprint of routes: HTTP in, HTTP out."""

"""The description of all routes (OpenAPI 3.1), made from the routes themselves."""

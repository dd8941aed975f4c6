"""Constant headers that tell browsers to be careful."""

# Answers are nobody's page and nobody's copy: browsers neither guess at their type nor keep them.
API_HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)

# For the page and its files, besides the page's own Content-Security-Policy.
PAGE_HEADERS = (
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)

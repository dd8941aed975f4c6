"""Who may ask what, how often, and from which other sites."""

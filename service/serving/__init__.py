"""From the socket to the application and back: Granian's server, bodies, threads, the end."""

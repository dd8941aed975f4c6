"""What operators see of the service: metrics, access logs, traces."""

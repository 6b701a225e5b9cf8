"""What the container images promise; needs a Docker engine and `make images`."""

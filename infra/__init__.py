"""What Polyvox is run on: descriptions of deployments, and real servers for development and tests."""

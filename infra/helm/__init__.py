"""A chart for Kubernetes, and how it is rendered for what values/ says."""

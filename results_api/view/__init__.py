"""What is known of a recording, folded from its events. Pure."""

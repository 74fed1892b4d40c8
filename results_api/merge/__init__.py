"""Words and speakers become a transcript. Pure."""

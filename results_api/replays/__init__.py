"""Running one stage again over recordings that have a result."""

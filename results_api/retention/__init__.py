"""How long recordings are kept: what is due to go, removing it, and telling what went."""

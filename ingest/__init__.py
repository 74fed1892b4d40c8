"""Accepts recordings and decodes them."""

"""Enrolled speakers: whose voices they are, and recognising them in other recordings."""

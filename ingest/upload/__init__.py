"""The way in: received, judged by content, stored, announced."""

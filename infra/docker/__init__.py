"""Images, and what docker-compose.yml needs besides them."""

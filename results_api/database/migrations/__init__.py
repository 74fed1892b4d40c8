"""Changes of the results database, in order; run by results_api/database/migrate.py."""

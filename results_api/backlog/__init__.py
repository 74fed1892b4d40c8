"""How much work waits: counted in the database, told to whoever lets work in and whoever scales workers."""

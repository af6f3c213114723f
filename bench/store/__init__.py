"""Results: records in an append-only journal, and the database that is a fold over them."""

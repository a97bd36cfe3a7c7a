"""From a plan to rows: sessions, worker processes, stages, collection."""

"""From a study to rows: plan, store, leases, workers, collection."""

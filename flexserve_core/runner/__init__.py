"""Running a model over packed rows: batches, attention, precision, the load-time proof."""

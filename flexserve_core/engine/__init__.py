"""The engine: sequences, scheduling, the step, the server thread."""

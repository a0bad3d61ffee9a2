"""Calls into the compiled CPU kernels; same signatures as the torch reference."""

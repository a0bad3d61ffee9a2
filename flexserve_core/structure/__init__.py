"""Structured output: constraints on a completion's text, as masks over the vocabulary. Knows no models or engines."""

"""Measures a model with its drafters on a person's own prompts: what trees bring, and which settings are best here."""

"""Sampling: warping of logits and keyed noise. Pure functions over numpy arrays; knows no models."""

"""Models and tokenizers: finding, loading and preparing them. Model code itself is transformers'."""

"""Adapters for families whose attention does not go through transformers' AttentionInterface."""

"""The paged KV cache: `blocks` is bookkeeping without tensors, `store` is tensors without bookkeeping."""

"""The cache's tensors: rows move in every layer, all read before any is written."""

from __future__ import annotations

import numpy as np
import torch

from flexserve_core.kv.store import KVStore, LayerShape

LAYERS = (LayerShape(2, 4, 4), LayerShape(1, 4, 6))


def test_shapes_and_bytes():
    store = KVStore(LAYERS, 10, torch.bfloat16, torch.device("cpu"))
    assert [tuple(keys.shape) for keys in store.keys] == [(10, 2, 4), (10, 1, 4)]
    assert [tuple(values.shape) for values in store.values] == [(10, 2, 4), (10, 1, 6)]
    total = sum(tensor.nbytes for tensor in [*store.keys, *store.values])
    assert total == 10 * sum(layer.bytes_per_token(torch.bfloat16) for layer in LAYERS)


def test_int8_rows_carry_their_scale():
    layers = (LayerShape(2, 4, 8),)
    store = KVStore(layers, 10, torch.int8, torch.device("cpu"))
    assert [tuple(tensor.shape) for tensor in (*store.keys, *store.values)] == [(10, 2, 8), (10, 2, 12)]
    total = sum(tensor.nbytes for tensor in [*store.keys, *store.values])
    assert total == 10 * layers[0].bytes_per_token(torch.int8)


def test_move_reads_all_before_writing():
    store = KVStore(LAYERS, 6, torch.float32, torch.device("cpu"))
    for tensor in [*store.keys, *store.values]:
        tensor.copy_(torch.arange(6.0)[:, None, None].expand_as(tensor))
    store.move(np.array([1, 2, 5]), np.array([0, 1, 2]))
    for tensor in [*store.keys, *store.values]:
        assert tensor[:, 0, 0].tolist() == [1, 2, 5, 3, 4, 5]
    store.move(np.array([], dtype=np.int64), np.array([], dtype=np.int64))

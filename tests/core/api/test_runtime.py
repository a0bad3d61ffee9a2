"""ff.init: every form, every refusal."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from flexserve_core.api import runtime
from flexserve_core.api.llm import LLM
from flexserve_core.api.runtime import RuntimeConfig, current, init, offload_settings, quantisation_settings
from flexserve_core.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(runtime, "_current", None)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_nothing_looks_at_the_machine():
    assert init().num_gpus == torch.cuda.device_count()
    assert current() is current()


def test_a_dict_or_keywords():
    settings = {"num_gpus": 0, "memory_per_gpu": 14000, "zero_copy_memory_per_node": 30000, "num_cpus": 1}
    assert init(settings) == init(**settings)
    assert current().memory_per_gpu == 14000
    assert torch.get_num_threads() == 1


def test_both_forms_at_once():
    with pytest.raises(ConfigurationError, match="one dict or as keywords"):
        init({"num_gpus": 0}, num_cpus=1)
    with pytest.raises(ConfigurationError, match="it is a dict"):
        init([("num_gpus", 0)])  # type: ignore[arg-type]


@pytest.mark.parametrize(("wrong", "meant"), [("num_gpu", "num_gpus"), ("memory_pergpu", "memory_per_gpu")])
def test_unknown_names_suggest(wrong, meant):
    with pytest.raises(ConfigurationError, match=f"Did you mean {meant}"):
        init({wrong: 1})
    with pytest.raises(ConfigurationError, match="Known: num_gpus"):
        init(qqq=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_gpus", -1),
        ("num_gpus", "1"),
        ("num_cpus", 0),
        ("memory_per_gpu", 1.5),
        ("memory_per_gpu", True),
        ("offload", 1),
        ("fusion", "yes"),
    ],
)
def test_malformed(name, value):
    with pytest.raises(ConfigurationError, match=f"^{name} = "):
        init(**{name: value})
    assert runtime._current is None


@pytest.mark.parametrize("name", sorted(runtime._NOT_HERE))
def test_switches_that_are_not_there_refuse(name):
    with pytest.raises(ConfigurationError, match=f"^{name} = True"):
        init(**{name: True})
    assert getattr(init(**{name: False}), name) is False


@pytest.mark.parametrize("name", runtime._DEGREES)
def test_degrees(name):
    with pytest.raises(ConfigurationError, match="one device"):
        init(**{name: 2})
    assert getattr(init(**{name: 1}), name) == 1


def test_more_gpus_than_there_are():
    there = torch.cuda.device_count()
    with pytest.warns(UserWarning, match=f"this machine has {there}"):
        config = init(num_gpus=there + 3)
    assert config.num_gpus == there
    with pytest.raises(ConfigurationError, match=f"num_gpus = {there + 3}"):
        init(num_gpus=there + 3, strict=True)


def test_offload_becomes_the_engines_limits():
    mb = 2**20
    assert offload_settings({}, init(num_gpus=0)) == {}
    told = init(num_gpus=0, offload=True, zero_copy_memory_per_node=3000, memory_per_gpu=9)
    assert offload_settings({}, told) == {
        "offload": "auto",
        "host_memory": 3000 * mb,
        "device_memory": None,
    }
    on_gpu = dataclasses.replace(told, num_gpus=1, cpu_memory_per_node=1000)
    assert offload_settings({}, on_gpu)["device_memory"] == 9 * mb
    assert offload_settings({}, on_gpu)["host_memory"] == 4000 * mb
    assert offload_settings({"host_memory": "2MiB", "tree_shape": (1,)}, told) == {"host_memory": 2 * mb}
    with pytest.raises(ConfigurationError, match="host_memory"):
        LLM("demo", offload="auto", host_memory="some")
    with pytest.raises(ConfigurationError, match="offload"):
        LLM("demo", offload="gpu")


def test_quantisation_becomes_the_llm_s():
    assert quantisation_settings({}, init()) == {}
    four = init(use_4bit_quantization=True)
    assert quantisation_settings({}, four) == {"quantization": "int4"}
    assert quantisation_settings({"quantization": "int8"}, four) == {}
    assert quantisation_settings({}, init(use_8bit_quantization=True)) == {"quantization": "int8"}
    with pytest.raises(ConfigurationError, match="use_8bit_quantization"):
        init(use_4bit_quantization=True, use_8bit_quantization=True)
    with pytest.raises(ConfigurationError, match="quantization = 'int3'"):
        LLM("demo", quantization="int3")


def test_every_setting_is_used_checked_or_refused():
    """A field that is neither refused nor a documented no-op would be ignored silently."""
    used = {"num_gpus", "num_cpus", "offload", "use_4bit_quantization", "use_8bit_quantization"}
    legion = {
        "memory_per_gpu",
        "zero_copy_memory_per_node",
        "cpu_memory_per_node",
        "legion_utility_processors",
        "offload_reserve_space_size",
        "peft_activation_reserve_space_size",
        "fusion",
    }
    known = set(RuntimeConfig.__dataclass_fields__)
    assert known == used | legion | set(runtime._NOT_HERE) | set(runtime._DEGREES)

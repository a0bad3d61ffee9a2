"""FlexFlow Serve's quickstart on FlexServe: a model, a small one that drafts for it, and one generation.

Run: python examples/quickstart.py
"""

from __future__ import annotations

import flexserve_core as ff


def main() -> None:
    ff.init(num_gpus=1, memory_per_gpu=14000, zero_copy_memory_per_node=30000)

    llm = ff.LLM("demo")
    ssm = ff.SSM("demo-ssm")
    generation_config = ff.GenerationConfig(do_sample=False, temperature=0.9, topp=0.8, topk=1)
    ssm.compile(generation_config)
    llm.compile(generation_config, ssms=[ssm])

    llm.start_server()
    result = llm.generate("Here are some travel tips for Tokyo:\n")
    llm.stop_server()

    print(result.text)


if __name__ == "__main__":
    main()

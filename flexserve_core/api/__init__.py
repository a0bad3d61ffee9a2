"""FlexFlow Serve's Python API over the engine: init, LLM, SSM, GenerationConfig, GenerationResult."""

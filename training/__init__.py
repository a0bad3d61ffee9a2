"""Rebuilds the embedded demo model from nothing: corpus, tokenizer, LLM, SSM, evaluation.

Runs from the repository root (`python -m training all --out build/demo`); not part of the installed package.
Everything the model reads is generated here, from seeds; nothing is downloaded.
"""

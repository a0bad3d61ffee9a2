"""Speculation: token trees, drafters, expansion. Pure logic but for the SSM drafter, which owns a model runner."""

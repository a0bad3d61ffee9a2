"""The ops in Triton, for CUDA devices; Triton's interpreter runs the same code on a CPU, for tests.

Imported only where Triton is installed (`available.triton_reason`): nothing else in this package needs it.
"""

"""The applications around the engine: command line, HTTP server, chat page.

Each lives in its own sub-package and imports its own libraries (typer, fastapi, gradio), so that one of
them can be used without the others. All of them talk to the engine through `flexserve_core`'s public names
alone.
"""

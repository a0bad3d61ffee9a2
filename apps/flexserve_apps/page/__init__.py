"""The chat page: a Gradio app in front of one engine. `mount_page` puts it into a FastAPI application."""

from __future__ import annotations

import os

# Must be set before gradio is imported: nothing on this page reports to anyone.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# Gradio would import pandas and sum up its queue after every event, for a monitoring page that is off here.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))

from flexserve_apps.page.layout import build_page, mount_page

__all__ = ["build_page", "mount_page"]

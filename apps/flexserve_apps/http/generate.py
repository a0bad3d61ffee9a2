"""POST /generate/ {"prompt"} → {"prompt", "response"}: the plain route of FlexFlow Serve's FastAPI example.

Greedy by default; `response` is the completion alone, without the prompt.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flexserve_apps.http.answers import new_id
from flexserve_apps.http.job import Job
from flexserve_apps.http.schemas import GenerateBody
from flexserve_apps.http.serving import CLIENT_GONE, engine_of, results_of

router = APIRouter(tags=["plain"])


@router.post("/generate/")
@router.post("/generate", include_in_schema=False)
async def generate(body: GenerateBody, http: Request) -> Response:
    """The continuation of one prompt."""
    job = await Job.submit(engine_of(http), new_id("gen"), [{"prompt": body.prompt}], body)
    results = await results_of(http, job)
    if results is None:
        return Response(status_code=CLIENT_GONE)
    return JSONResponse({"prompt": body.prompt, "response": results[0].choices[0].text})

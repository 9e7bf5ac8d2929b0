"""The live page and the HTTP API, served by starlette on uvicorn."""

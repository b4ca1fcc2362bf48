"""The optional models, and Chroma: whether they answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic import BaseModel

from assistant.doctor.finding import Finding, Patient, ask, bad, fine, note, within_patience
from assistant.errors import SettingsError
from assistant.llm.embeddings import build_embeddings
from assistant.llm.interpreter import build_model
from assistant.settings import Settings


class Ready(BaseModel):
    """What the language model is asked to fill, to see that it answers."""

    ready: bool


async def look_at_models(patient: Patient) -> AsyncIterator[Finding]:
    settings = patient.settings
    yield await _language_model(settings)
    yield await _embeddings(settings)
    if settings.embeddings and settings.chroma_url:
        yield await _chroma(settings.chroma_url)


async def _language_model(settings: Settings) -> Finding:
    about, name = "AYUMI_LLM", settings.llm
    if not name:
        return fine(about, "none: the rules alone understand questions")
    instead = "until it answers, the rules alone understand questions"
    try:
        model = build_model(name, settings.llm_base_url)
        asked = model.with_structured_output(Ready, include_raw=True)  # as its work is asked for
        await within_patience(lambda: asked.invoke("ready?"))  # its connections, unlike asynchronous ones, close
    except SettingsError as error:
        return bad(about, str(error))
    except Exception as error:  # whatever a provider's library raises: the model does not do what it should
        return bad(about, f"{name} {_why(error, 'AYUMI_LLM_BASE_URL')}; {instead}")
    return note(about, f"{name} answers: asked when the rules do not understand a question of staff, without names")


async def _embeddings(settings: Settings) -> Finding:
    """Without a model, that there is none."""
    about, name = "AYUMI_EMBEDDINGS", settings.embeddings
    if not name:
        return fine(about, "none: documents are found by their words")
    try:
        model = build_embeddings(name, settings.embeddings_base_url or settings.llm_base_url)
        await within_patience(lambda: model.embed_query("ayumi"))
    except SettingsError as error:
        return bad(about, str(error))
    except Exception as error:  # whatever a provider's library raises: the model does not do what it should
        says = f"{name} gives no vectors ({type(error).__name__}): check AYUMI_EMBEDDINGS_BASE_URL and the model's name"
        return bad(about, f"{says}; until it answers, documents are found by their words")
    return fine(about, f"{name} answers")


async def _chroma(url: str) -> Finding:
    reply = await ask(f"{url.rstrip('/')}/api/v2/heartbeat")
    if isinstance(reply, str) or reply.status != 200:
        problem = reply if isinstance(reply, str) else f"HTTP {reply.status}"
        says = f"{url}: {problem}: check that the Chroma server runs; until it answers, documents are found by their"
        return bad("AYUMI_CHROMA_URL", f"{says} words")
    return fine("AYUMI_CHROMA_URL", f"{url} answers")


def _why(error: Exception, address: str) -> str:
    """By the type alone, which the providers' libraries share: the text may quote the request."""
    kind = type(error).__name__
    if "NotFound" in kind or "ResponseError" in kind:
        return f"is not known there ({kind}): check the model's name; Ollama wants it pulled first"
    if "Authentication" in kind or "PermissionDenied" in kind:
        return f"refuses the key ({kind}): check OPENAI_API_KEY"
    return f"does not answer ({kind}): check {address} and that the server runs"

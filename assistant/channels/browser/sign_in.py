"""Signing in over HTTP: with the school's account, a code from school, or as somebody of the demo; and once more."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from assistant.bootstrap import Core
from assistant.channels.browser.begun import begin, seal, unseal
from assistant.channels.browser.cookies import Cookies, new_token
from assistant.channels.browser.device import device_of
from assistant.channels.browser.gate import check_own, form_of
from assistant.channels.browser.lockout import Guesser, keep_refusal
from assistant.channels.browser.notify import listeners_of
from assistant.channels.browser.pages import Pages
from assistant.channels.browser.provider import (
    NotSignedInError,
    Provider,
    ProviderDownError,
    Started,
    auth_time_of,
    name_of,
)
from assistant.channels.browser.sent_codes import SentCodes, is_meant
from assistant.channels.browser.sessions import AGAIN, Method, Refused, Session, Sessions
from assistant.channels.guard import BadBodyError
from assistant.dialogue.people_store import load_people
from assistant.settings import Settings
from assistant.sign_in_names import sign_in_names
from assistant.web.limits import address_of

# Who can be tried with one tap: people of the demo district, and the texts on their buttons.
DEMO = {
    "ayumi-e-2-1-s01": "demo_p2",
    "ayumi-e-4-2-s07": "demo_p4",
    "ayumi-j-1-1-s01": "demo_j1",
    "ayumi-e-4-2-t": "demo_teacher",
    "ayumi-e-principal": "demo_principal",
}
HOME, AFTER_AGAIN = "/", "/care"
NEXT = re.compile(r"/(?:care|account)(?:/[\w-]+)*", re.ASCII)  # where somebody may be led after signing in again
CODE = "code_"  # what texts about codes begin with
# Why the school's account did not do, and what the page then says.
UNKNOWN, FAILED, DOWN, NOT_FRESH = "account_unknown", "account_failed", "account_down", "account_not_fresh"
WHYS = frozenset({UNKNOWN, FAILED, DOWN, NOT_FRESH})

log = structlog.get_logger(__name__)


class SignIn:
    """The endpoints."""

    def __init__(self, settings: Settings, core: Core, now: Callable[[], datetime], *, demo: bool) -> None:
        self._settings = settings
        self._core = core
        self._now = now
        self._demo = demo
        self._secret = core.services.secret
        self._pages = Pages(settings.language, settings.zone, self._secret, now)
        self._cookies = Cookies.of(settings.base_url)
        self._listeners = listeners_of(core.database)
        idle = timedelta(minutes=settings.session_minutes)
        self._sessions = Sessions(core.database, self._secret, now, settings.zone, idle)
        self._sent_codes = SentCodes(core.services, now)
        self._provider = Provider(settings, now) if settings.has_oidc else None
        self._names = sign_in_names(settings)

    # --- With a code from school, as somebody of the demo, and out

    async def with_code(self, request: Request) -> Response:
        form = await self._own_form(request, self._cookies.form_of(request))
        token = await self._with_code(request, form.get("code", ""))
        if isinstance(token, Refused):
            return await self.page(request, problem=CODE + token.value)
        return await self._signed_in(request, token)

    async def with_demo(self, request: Request) -> Response:
        form = await self._own_form(request, self._cookies.form_of(request))
        person_id, token = form.get("person", ""), None
        if person_id in DEMO:
            token = await self._sessions.sign_in(person_id, Method.DEMO, _device(request), self._now())
        if token is None:
            raise BadBodyError("nobody of the demo")
        return await self._signed_in(request, token)

    async def out(self, request: Request) -> Response:
        session = await self._session(request)
        if session is not None:
            await self._own_form(request, session.csrf_token)
            await self._sessions.sign_out(session)
            self._listeners.wake(session.account_id)  # pages in other tabs go, too
        response = to_page()
        self._cookies.drop(response, self._cookies.session)
        return response

    # --- With the school's account

    async def with_account(self, request: Request) -> Response:
        """Off to the provider. ``?again``: to show once more who one is."""
        is_again = "again" in request.query_params
        started = begin(again=is_again, next=_next(request.query_params.get("next", "")) if is_again else "")
        try:
            address = await self._of_provider.address_for(started)
        except ProviderDownError as error:
            return self._not_in(started, DOWN, str(error))
        response = RedirectResponse(address, 303)
        self._cookies.put(response, self._cookies.begun, seal(started, self._secret, self._now()))
        return response

    async def from_account(self, request: Request) -> Response:
        """Back from the provider. Each sign-in ends once, in the browser that it began in."""
        query = request.query_params
        started = unseal(request.cookies.get(self._cookies.begun, ""), self._secret, self._now())
        if started is None or not hmac.compare_digest(query.get("state", "").encode(), started.state.encode()):
            return self._not_in(None, FAILED, "state")
        if "error" in query or query.get("iss", self._settings.oidc_issuer).rstrip("/") != (
            self._settings.oidc_issuer.rstrip("/")
        ):
            return self._not_in(started, FAILED, "refused by the provider")
        try:
            claims = await self._of_provider.claims_of(query.get("code", ""), started)
        except NotSignedInError as error:
            await self._keep_refusal(request, "school account not proved", None)
            return self._not_in(started, FAILED, str(error))
        except ProviderDownError as error:
            return self._not_in(started, DOWN, str(error))
        told_at = auth_time_of(claims)
        fresh_at = None if told_at is None else min(told_at, self._now())
        name = name_of(claims, self._settings)
        person_id = None if name is None else await self._person_of(name)
        if started.again:
            return await self._again_with_account(request, started, person_id, fresh_at)
        token = await self._account_token(request, person_id, fresh_at)
        if token is None:
            return self._not_in(started, UNKNOWN, "nobody at school")
        return self._done(await self._signed_in(request, token))

    async def _again_with_account(
        self, request: Request, started: Started, person_id: str | None, fresh_at: datetime | None
    ) -> Response:
        session = await self._session(request)
        if session is not None and person_id == session.person.id:
            if fresh_at is None or self._now() - fresh_at > self._settings.fresh:
                return self._not_in(started, NOT_FRESH, "the provider did not ask again")
            token = await self._sessions.renew(session, Method.ACCOUNT, fresh_at)
            return self._done(self._with_session(started.next or AFTER_AGAIN, token))
        token = await self._account_token(request, person_id, fresh_at)  # somebody else sits down here
        if token is None:
            return self._not_in(started, UNKNOWN, "nobody at school")
        return self._done(await self._signed_in(request, token))

    async def _account_token(self, request: Request, person_id: str | None, fresh_at: datetime | None) -> str | None:
        device = _device(request)
        token = None
        if person_id is not None:
            token = await self._sessions.sign_in(person_id, Method.ACCOUNT, device, fresh_at)
        if token is None:
            await self._keep_refusal(request, "school account of nobody", person_id)
        return token

    async def _person_of(self, name: str) -> str | None:
        if self._names is None:
            return None
        async with self._core.database.read() as connection:
            return await self._names.person_of(connection, name)

    # --- Once more

    async def again_page(self, request: Request, problem: str | None = None) -> Response:
        """Where somebody who is signed in shows again who they are, in one of the ways they have."""
        session = await self._session(request)
        if session is None:
            return to_page()
        why = problem or request.query_params.get("why")
        page = self._pages.staff_page(
            "signin_again.html",
            session,
            next=_next(request.query_params.get("next", "")),
            has_account=self._provider is not None,
            channel=await self._sent_codes.channel_of(session.person.id),
            is_sent="sent" in request.query_params,
            minutes=self._settings.fresh_minutes,
            problem=why if why in WHYS or (problem and why == problem) else None,
        )
        return HTMLResponse(page, 200 if problem is None else 403)

    async def send_code(self, request: Request) -> Response:
        session = await self._session(request)
        if session is None:
            return to_page()
        form = await self._own_form(request, session.csrf_token)
        channel = await self._sent_codes.send(session)
        if channel is not None:
            self._core.delivery.wake(channel)
        return RedirectResponse(f"{AGAIN}?{urlencode({'next': _next(form.get('next', '')), 'sent': '1'})}", 303)

    async def again_with_code(self, request: Request) -> Response:
        session = await self._session(request)
        if session is None:
            return to_page()
        form = await self._own_form(request, session.csrf_token)
        typed = form.get("code", "")
        if is_meant(typed):
            if not await self._sent_codes.is_right(session, typed, self._guesser(request)):
                return await self.again_page(request, problem=CODE + Refused.REFUSED.value)
            renewed = await self._sessions.renew(session, Method.SENT, self._now())
            return self._with_session(_next(form.get("next", "")), renewed)
        token = await self._with_code(request, typed)
        if isinstance(token, Refused):
            return await self.again_page(request, problem=CODE + token.value)
        return await self._signed_in(request, token, _next(form.get("next", "")))

    # --- Common to all

    async def page(self, request: Request, problem: str | None = None) -> Response:
        """The page to sign in. ``problem``: why what was tried did not do."""
        token = self._cookies.form_of(request) or new_token()
        demo: dict[str, tuple[str, str]] = {}
        if self._demo:
            async with self._core.database.read() as connection:
                people = await load_people(connection, DEMO, self._now().astimezone(self._settings.zone).date())
            language = self._settings.language
            demo = {id: (key, people[id].called(language)) for id, key in DEMO.items() if id in people}
        status = {None: 200, CODE + Refused.LOCKED.value: 429}.get(problem, 403)
        why = request.query_params.get("why")
        page = self._pages.sign_in(
            csrf_token=token,
            problem=problem or (why if why in WHYS else None),
            demo=demo,
            has_account=self._provider is not None,
        )
        response = HTMLResponse(page, status)
        self._cookies.put(response, self._cookies.form, token)
        return response

    async def _with_code(self, request: Request, code: str) -> str | Refused:
        browser = self._cookies.form_of(request) or ""
        return await self._sessions.sign_in_with_code(code, browser, address_of(request.scope), _device(request))

    async def _signed_in(self, request: Request, token: str, path: str = HOME) -> Response:
        """Whoever used this browser before is signed out: a session never goes over to somebody else."""
        before = await self._session(request, is_use=False)
        if before is not None:
            await self._sessions.sign_out(before)
        return self._with_session(path, token)

    def _with_session(self, path: str, token: str) -> Response:
        response = RedirectResponse(path, 303)
        self._cookies.put(response, self._cookies.session, token)
        return response

    def _done(self, response: Response) -> Response:
        self._cookies.drop(response, self._cookies.begun)
        return response

    def _not_in(self, started: Started | None, why: str, reason: str) -> Response:
        """Back to where it began, with the why on the page and the reason in the log. The address of the provider's
        answer goes from the browser's history."""
        log.info("school_account_refused", why=why, reason=reason)
        is_again = started is not None and started.again
        query = {"why": why, **({"next": started.next} if started is not None and is_again else {})}
        return self._done(RedirectResponse(f"{AGAIN if is_again else HOME}?{urlencode(query)}", 303))

    async def _keep_refusal(self, request: Request, detail: str, person_id: str | None) -> None:
        async with self._core.database.write() as connection:
            guesser = self._guesser(request)
            await keep_refusal(connection, guesser, detail, self._now(), self._settings.zone, person_id)

    def _guesser(self, request: Request) -> Guesser:
        return Guesser(self._cookies.form_of(request) or "", address_of(request.scope))

    @property
    def _of_provider(self) -> Provider:
        assert self._provider is not None  # its routes are there only with one  # noqa: S101
        return self._provider

    async def _session(self, request: Request, *, is_use: bool = True) -> Session | None:
        return await self._sessions.find(self._cookies.session_of(request), is_use=is_use)

    async def _own_form(self, request: Request, token: str | None) -> Mapping[str, str]:
        form = await form_of(request)
        check_own(request, form, token, self._settings.base_url)
        return form


def to_page() -> Response:
    return RedirectResponse(HOME, 303)


def _next(path: str) -> str:
    return path if NEXT.fullmatch(path) else AFTER_AGAIN


def _device(request: Request) -> str:
    return device_of(request.headers.get("user-agent", ""))

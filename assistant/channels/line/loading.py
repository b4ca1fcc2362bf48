"""LINE's loading animation, by its SDK: loading that takes as long as the rest of a process, so it is left until an
animation is first shown."""

from __future__ import annotations

import aiohttp
from linebot.v3.messaging import AsyncApiClient, AsyncMessagingApi, Configuration, ShowLoadingAnimationRequest
from linebot.v3.messaging.exceptions import ApiException

TIMEOUT = 10.0  # seconds for the call
LOADING = 20  # seconds the animation may show


async def show_loading(base_url: str, access_token: str, user_id: str) -> None:
    """Start it; that it cannot be shown is no harm."""
    async with AsyncApiClient(Configuration(host=base_url, access_token=access_token)) as client:
        request = ShowLoadingAnimationRequest(chatId=user_id, loadingSeconds=LOADING)
        try:
            await AsyncMessagingApi(client).show_loading_animation(request, _request_timeout=TIMEOUT)
        except (ApiException, aiohttp.ClientError, TimeoutError):
            return

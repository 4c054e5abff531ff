"""Ask for a URL with one of Python's clients: client.py NAME URL. Ends with 0 if there is an answer."""

import sys

name, url = sys.argv[1:]

if name == "requests":
    import requests
    requests.get(url, timeout=5, verify=False)
elif name == "urllib":
    import urllib.request
    urllib.request.urlopen(url, timeout=5)
elif name == "httpx":
    import httpx
    httpx.get(url, timeout=5, verify=False)
elif name == "aiohttp":
    import asyncio
    import aiohttp

    async def ask():
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(trust_env=True, timeout=timeout) as session:
            async with session.get(url, ssl=False) as answer:
                await answer.text()

    asyncio.run(ask())
elif name == "websocket":
    import websocket
    websocket.create_connection(url.replace("http", "ws", 1), timeout=5)
else:
    sys.exit("which client?")

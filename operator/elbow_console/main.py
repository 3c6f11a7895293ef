"""`kubectl elb console`: opens the console in the browser."""

import asyncio
import logging
import secrets
import socket
import webbrowser
from contextlib import suppress

import click
from elbow_kubectl.place import Place, cluster_packages, place_options


@click.command
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="PORT", help="On loopback; by default a free one."
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open nothing.")
@place_options
def console(port: int, *, no_browser: bool, place: Place) -> None:
    """Open the console: load balancers, pictures, live metrics, a form to create one.

    It listens on loopback alone and acts as you, by your kubeconfig; nothing runs in the cluster for it. The address it
    prints holds a key for this one run. Ctrl-C ends it.

    \b
    Examples:
      kubectl elb console                  all namespaces, or the context's if you may not list all
      kubectl elb console -n shop          one namespace
      kubectl elb console --no-browser --port 8443    then, from elsewhere: ssh -L 8443:127.0.0.1:8443 HOST
    """
    logging.getLogger("elbow").setLevel(logging.CRITICAL)  # the page says when the API server is away
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(place, port, browser=not no_browser))


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise click.ClickException(f"port {port}: {error.strerror}; choose another --port") from None
    return listener


async def _serve(place: Place, port: int, *, browser: bool) -> None:
    with cluster_packages():
        from aiohttp import web
        from elbow_kube.user import NoLogin, login

        from elbow_console.live import Live, scope
        from elbow_console.site import Site
        from elbow_console.view.guard import Guard
    try:
        client, own = await login(place.kubeconfig, place.context)
    except NoLogin as none:
        raise click.ClickException(str(none)) from None
    listener = _listen(port)
    number = listener.getsockname()[1]
    token = secrets.token_urlsafe(32)
    live = Live(client, await scope(client, place.namespace, own))
    runner = web.AppRunner(
        Site(live, place.namespace or own, Guard(number, token)).application(),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=1,
    )
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        url = f"http://127.0.0.1:{number}/#{token}"
        click.echo(f"The console is at {url}\nCtrl-C ends it.")
        if browser:
            await asyncio.to_thread(webbrowser.open, url)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        await client.close()

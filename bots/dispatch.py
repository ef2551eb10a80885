"""The one door to Celery."""

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError


class BrokerAway(Exception):
    """The broker does not answer; what was asked of it is tried again later."""


def send(task: str, **kwargs: object) -> None:
    """Queue `task` once the surrounding transaction has committed.

    A broker that is away does not fail the request (`robust`): the row is stored, and `recover_runs` sends what
    nobody claimed.
    """
    signature = current_app.signature(task, kwargs=kwargs)
    transaction.on_commit(signature.apply_async, robust=True)


def waiting(queue: str) -> int:
    """How many messages of `queue` no worker has taken yet. Raises BrokerAway."""
    try:
        with current_app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1)
            return int(connection.default_channel.queue_declare(queue, passive=True).message_count)
    except connection.channel_errors:
        return 0  # a queue without messages does not exist in Redis
    except OperationalError as error:
        raise BrokerAway(str(error)) from error

"""Who waits for what, and to whom a message goes."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moromi.constants import FINISHED_TASKS

Message = Mapping[str, Any]
Topic = tuple[str, int]

_QUEUE_LIMIT = 1000


@dataclass(eq=False)
class Subscription:
    """An open stream: the topics it covers and the messages that wait to be sent."""

    topics: set[Topic]
    follows: tuple[str, ...] = ()
    """The kinds of topics that new children of a task bring along: `task`, `output`."""
    speaks_for: int | None = None
    """The session of the builder that is there as long as the stream is open."""
    queue: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(_QUEUE_LIMIT))

    def put(self, text: str | None) -> None:
        """Queue an encoded event; None ends the stream.

        A reader that does not keep up is cut off, and polls when it comes back.
        """
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            text = None
        self.queue.put_nowait(text)


class Broker:
    """Routes messages to subscriptions. Runs in one event loop; needs no locks."""

    def __init__(self) -> None:
        self._by_topic: dict[Topic, set[Subscription]] = defaultdict(set)
        self._host_of_task: dict[int, int] = {}

    def subscribe(self, subscription: Subscription) -> None:
        """Start sending what concerns the topics of a subscription."""
        for topic in subscription.topics:
            self._by_topic[topic].add(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop sending."""
        for topic in subscription.topics:
            waiting = self._by_topic.get(topic)
            if waiting is not None:
                waiting.discard(subscription)
                if not waiting:
                    del self._by_topic[topic]

    def publish(self, message: Message) -> None:
        """Send a message of the database to everybody whom it concerns."""
        receivers: set[Subscription] = set()
        for topic in self._topics_of(message):
            receivers |= self._by_topic.get(topic, set())
        if not receivers:
            return
        text = encode(str(message["type"]), message)
        for subscription in receivers:
            subscription.put(text)

    def followed(self) -> set[int]:
        """The tasks whose output somebody follows."""
        return {number for kind, number in self._by_topic if kind == "output"}

    def end_all(self) -> None:
        """End every stream: messages may have been lost, so everybody must poll."""
        for waiting in list(self._by_topic.values()):
            for subscription in list(waiting):
                subscription.put(None)

    def _topics_of(self, message: Message) -> set[Topic]:
        kind = message.get("type")
        if kind == "task":
            return self._task_topics(message)
        if kind == "host":
            return {("host", message["id"])}
        if kind in ("repo", "request"):
            return {("tag", message["tag"])}
        if kind in ("tag", "output"):
            return {(kind, message["id"])}
        return set()

    def _task_topics(self, message: Message) -> set[Topic]:
        """The task, the host that has it, and the one that had it: a freed task names none."""
        task_id, parent, host = message["id"], message.get("parent"), message.get("host")
        topics: set[Topic] = {("task", task_id)}
        if parent is not None:
            self._adopt(task_id, parent)
        before = self._host_of_task.pop(task_id, None)
        topics |= {("host", each) for each in (host, before) if each is not None}
        if message.get("state") in FINISHED_TASKS:
            # whoever hears of the end asks for the rest of the output
            self._by_topic.pop(("output", task_id), None)
        elif host is not None:
            self._host_of_task[task_id] = host
        return topics

    def _adopt(self, task_id: int, parent: int) -> None:
        """Streams that follow a task follow its new children too."""
        for subscription in self._by_topic.get(("task", parent), set()):
            if subscription.follows and ("task", task_id) not in subscription.topics:
                for kind in subscription.follows:
                    subscription.topics.add((kind, task_id))
                    self._by_topic[(kind, task_id)].add(subscription)


def encode(event: str, data: Mapping[str, Any]) -> str:
    """A server-sent event."""
    return f"event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"

"""Which free task goes to which host: the decision, without a database.

A host joins the bins `channel:arch` of its enabled channels and arches; a task
belongs to one bin. Among the hosts of its bin that are ready, have a job and
capacity left and have not refused it, a task goes to the one with the lowest
rank = load + number of tasks + share of the demand (spec: data-model.md section
10.2). Priority comes first; within one priority the users take turns, so that a
mass rebuild of one does not hold up the others.

What is not assigned gets a reason, and so does a host that can take nothing.
Reasons do not count or measure, so they change only when the situation does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Bin = tuple[int, str]
Refusals = Mapping[int, Iterable[int]]

NOT_READY = "not ready"
FULL = "at its job limit"
LOADED = "at capacity"
REFUSED = "refused the task"


@dataclass
class Host:
    """An enabled host at the time of a run; `load` and `jobs` grow as it is given tasks."""

    id: int
    name: str
    channels: Sequence[int]
    arches: Sequence[str]
    capacity: float
    ready: bool
    max_jobs: int
    load: float = 0.0
    jobs: int = 0
    demand: float = 0.0

    @property
    def rank(self) -> float:
        """The lower, the better suited."""
        return self.load + self.jobs + self.demand

    def problem(self, weight: float, overcommit: float) -> str | None:
        """Why it cannot take a task of this weight now, or None."""
        if not self.ready:
            return NOT_READY
        if self.jobs >= self.max_jobs:
            return FULL
        if self.capacity - self.load <= max(0.0, weight - overcommit):
            return LOADED
        return None


@dataclass(frozen=True)
class Task:
    """A free task."""

    id: int
    channel_id: int
    arch: str
    priority: int
    created: float
    weight: float
    owner: int

    @property
    def bin(self) -> Bin:
        """What it waits in."""
        return self.channel_id, self.arch


@dataclass
class Plan:
    """The outcome: host by task in the order of assignment, reason by waiting task, reason by idle host."""

    assigned: dict[int, int] = field(default_factory=dict)
    task_reasons: dict[int, str] = field(default_factory=dict)
    host_reasons: dict[int, str] = field(default_factory=dict)


def make_plan(
    hosts: Sequence[Host],
    tasks: Iterable[Task],
    refusals: Refusals,
    active_by_owner: Mapping[int, int],
    overcommit: float,
    channel_names: Mapping[int, str | None],
) -> Plan:
    """Decide for all free tasks.

    `refusals`: ids of the hosts that refused, by task. `active_by_owner`: how many
    tasks of each user run. `channel_names`: the name of each enabled channel that
    a task may be in (a disabled one is absent). Changes load and jobs of the hosts.
    """
    planner = _Planner(hosts, refusals, overcommit, channel_names)
    ordered = in_turns(tasks, active_by_owner)
    planner.spread_demand(ordered)
    for task in ordered:
        planner.place(task)
    for host in hosts:
        if problem := host.problem(0.0, overcommit):
            planner.plan.host_reasons[host.id] = problem
    return planner.plan


def in_turns(tasks: Iterable[Task], active_by_owner: Mapping[int, int]) -> list[Task]:
    """By priority; within one, who has the fewest tasks running or before this one; then by age."""
    count: dict[tuple[int, int], int] = defaultdict(int)
    keyed = []
    for task in sorted(tasks, key=lambda task: (task.priority, task.created, task.id)):
        turn = count[task.priority, task.owner]
        count[task.priority, task.owner] += 1
        keyed.append((task.priority, turn + active_by_owner.get(task.owner, 0), task.created, task.id, task))
    keyed.sort(key=lambda key: key[:4])
    return [key[-1] for key in keyed]


class _Planner:
    """The state of one planning: bins with the hosts that still have room."""

    def __init__(
        self,
        hosts: Sequence[Host],
        refusals: Refusals,
        overcommit: float,
        channel_names: Mapping[int, str | None],
    ) -> None:
        self.plan = Plan()
        self._refusals = {task_id: set(ids) for task_id, ids in refusals.items()}
        self._overcommit = overcommit
        self._channels = channel_names
        self._members: dict[Bin, list[Host]] = defaultdict(list)
        self._in_channel: set[int] = set()
        for host in hosts:
            self._in_channel.update(host.channels)
            for channel in host.channels:
                for arch in {*host.arches, "noarch"}:
                    self._members[channel, arch].append(host)
        self._open = {
            name: [host for host in members if host.problem(0.0, overcommit) is None]
            for name, members in self._members.items()
        }

    def spread_demand(self, tasks: Iterable[Task]) -> None:
        """Let every host feel what waits for it; the shares of all hosts sum to 1."""
        weights: dict[Bin, float] = defaultdict(float)
        for task in tasks:
            weights[task.bin] += task.weight
        for name, weight in weights.items():
            candidates = self._open.get(name, ())
            for host in candidates:
                host.demand += weight / len(candidates)
        touched = {host.id: host for members in self._open.values() for host in members}
        total = sum(host.demand for host in touched.values())
        for host in touched.values():
            host.demand = host.demand / total if total else 0.0

    def place(self, task: Task) -> None:
        """Give a task to the best host, or note why not."""
        refused = self._refusals.get(task.id, ())
        fitting = [
            host
            for host in self._open.get(task.bin, ())
            if host.id not in refused and host.problem(task.weight, self._overcommit) is None
        ]
        if not fitting:
            self.plan.task_reasons[task.id] = self._reason(task, refused)
            return
        best = min(fitting, key=lambda host: (host.rank, host.id))
        best.load += task.weight
        best.jobs += 1
        self.plan.assigned[task.id] = best.id
        if best.problem(0.0, self._overcommit) is not None:
            self._close(best)

    def _close(self, full: Host) -> None:
        for channel in full.channels:
            for arch in {*full.arches, "noarch"}:
                members = self._open[channel, arch]
                if full in members:
                    members.remove(full)

    def _reason(self, task: Task, refused: Iterable[int]) -> str:
        if task.channel_id not in self._channels:
            return "its channel is disabled"
        channel = self._channels[task.channel_id]
        if task.channel_id not in self._in_channel:
            return f"no enabled host is in channel {channel}"
        members = self._members.get(task.bin)
        if not members:
            return f"no enabled host of channel {channel} has arch {task.arch}"
        problems = {
            REFUSED if host.id in refused else host.problem(task.weight, self._overcommit) or LOADED
            for host in members
        }
        return f"every host of channel {channel} with arch {task.arch} is {_or(problems)}".replace(
            f"is {REFUSED}", f"has {REFUSED}"
        )


def _or(words: Iterable[str]) -> str:
    ordered = sorted(words)
    return ordered[0] if len(ordered) == 1 else f"{', '.join(ordered[:-1])} or {ordered[-1]}"

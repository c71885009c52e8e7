"""Task requests: what their positional parameters mean, and how a task is shown in one line."""

from moromi.tasks.labels import task_label
from moromi.tasks.signatures import SIGNATURES, Signature, is_known, parse_task_params

__all__ = ["SIGNATURES", "Signature", "is_known", "parse_task_params", "task_label"]

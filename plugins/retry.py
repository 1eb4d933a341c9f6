"""When to try an extraction again."""

from datetime import timedelta

from airflow.sdk import Context, RetryDecision, RetryPolicy

from include.errors import BadResponse

LONGEST_SECONDS = 86_400.0
"""A day: no service means to be away for longer, whatever its header says."""


class HonourRetryAfter(RetryPolicy):
    """Waits as long as the service asked for; otherwise the task's own exponential backoff. Frees the worker meanwhile."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """A delay for a response that named one, the default for all else."""
        if not isinstance(exception, BadResponse) or not exception.retry_after:
            return RetryDecision.default()
        seconds = min(exception.retry_after, LONGEST_SECONDS)
        return RetryDecision.retry(timedelta(seconds=seconds), "the service said when to ask again")

"""When to try an extraction again."""

from datetime import timedelta

from airflow.sdk import Context, RetryDecision, RetryPolicy

from include.errors import BadAnswer


class HonourRetryAfter(RetryPolicy):
    """Waits as long as the service asked for; otherwise the task's own exponential backoff. Frees the worker meanwhile."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """A delay for an answer that named one, the default for all else."""
        if not isinstance(exception, BadAnswer) or not exception.retry_after:
            return RetryDecision.default()
        return RetryDecision.retry(timedelta(seconds=exception.retry_after), "the service said when to ask again")

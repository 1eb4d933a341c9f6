-- Lets the planner know how much was just staged.
SELECT staging.refresh_statistics(%(table)s);

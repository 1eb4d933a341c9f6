-- Refreshes one mart without blocking its readers.
SELECT mart.refresh(%(mart)s);

-- Nothing is due any more of a source that was taken out; what it left in the warehouse stays.
DELETE FROM audit.catchup
WHERE source <> ALL(%(sources)s);

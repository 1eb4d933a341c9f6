-- A refresh looks for loads that are under way: few, among all that there ever were.
CREATE INDEX load_under_way_idx ON audit.load (source)
WHERE status IN ('planned', 'extracting', 'extracted', 'staged', 'audited');

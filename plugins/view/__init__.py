"""The page "Warehouse": who may see it, what it reads through, its addresses, and how it looks. What it shows is include/view."""
